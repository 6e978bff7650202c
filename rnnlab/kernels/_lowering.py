"""What we tell LLVM of our functions and Numba does not: how wide vectors may be, and which arrays share no memory.

Of many Intel processors LLVM uses half their width by default. On an Emerald Rapids tanh with its slope takes 0.83
(float64) and 0.57 (float32) of the time at 512 bits. A width that a processor lacks is split by LLVM into the one that it
has. Results don't depend on it, as nothing is summed across a vector.

Of two arrays Numba never says that they are apart, so a vectorised loop first looks at every pair (106 looks before 64
vectors of the one-unit network's way back), and one with several outputs or inputs often gives up and runs number by number.
"""

from __future__ import annotations

from typing import Any, ClassVar

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

WIDTH = '"prefer-vector-width"="512"'
BYTE = ir.IntType(8)  # pointers to it are Numba's counts of references, which arrays do share


class _WideLower(Lower):
    """Numba's lowering, which asks for wide vectors in every function."""

    def pre_lower(self) -> None:
        super().pre_lower()
        # as a plain set, since its own `add` knows none of LLVM's attributes that have a value
        set.add(self.function.attributes, WIDTH)


class _UnaliasedLower(_WideLower):
    """The same where no two arrays among the arguments share memory."""

    def pre_lower(self) -> None:
        super().pre_lower()
        for argument in self.function.args[2:]:  # the first are the result and the exception
            if isinstance(argument.type, ir.PointerType) and argument.type.pointee != BYTE:
                argument.add_attribute("noalias")


@register_pass(mutates_CFG=True, analysis_only=False)
class _WideLowering(NativeLowering):
    _name = "wide_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return _WideLower


@register_pass(mutates_CFG=True, analysis_only=False)
class _UnaliasedLowering(NativeLowering):
    _name = "unaliased_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return _UnaliasedLower


class WideCompiler(CompilerBase):
    """Numba's compiler of functions that never touch a Python object, with that lowering in the place of its own."""

    lowering: ClassVar[type[NativeLowering]] = _WideLowering

    def define_pipelines(self) -> list[Any]:
        """The passes."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(self.lowering if step is NativeLowering else step, why) for step, why in passes.passes]
        passes.finalize()
        return [passes]


class UnaliasedCompiler(WideCompiler):
    """The same for functions of arrays that share no memory."""

    lowering = _UnaliasedLowering
