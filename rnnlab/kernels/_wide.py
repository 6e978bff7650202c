"""Vectors of 512 bits where the processor has them: of many Intel processors LLVM uses half by default.

On an Emerald Rapids tanh with its slope takes 0.83 (float64) and 0.57 (float32) of the time so. A width that a processor
lacks is split by LLVM into the one that it has. Results don't depend on it, as nothing is summed across a vector.
"""

from __future__ import annotations

from typing import Any

from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

WIDTH = '"prefer-vector-width"="512"'


class _WideLower(Lower):
    """Numba's lowering, which asks for wide vectors in every function."""

    def pre_lower(self) -> None:
        super().pre_lower()
        # as a plain set, since its own `add` knows none of LLVM's attributes that have a value
        set.add(self.function.attributes, WIDTH)


@register_pass(mutates_CFG=True, analysis_only=False)
class _WideLowering(NativeLowering):
    _name = "wide_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return _WideLower


class WideCompiler(CompilerBase):
    """Numba's compiler of functions that never touch a Python object, with that lowering in the place of its own."""

    def define_pipelines(self) -> list[Any]:
        """The passes."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(_WideLowering if step is NativeLowering else step, why) for step, why in passes.passes]
        passes.finalize()
        return [passes]
