"""The page under a reader's hands, in Chromium and in Firefox."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rnnlab.experiments._lab import store
from tests.experiments.explore import RESULT, go_to

SIZES = [(390, 844), (900, 1000), (1600, 1000)]  # a phone, a tablet, a screen


def test_it_opens_at_two_to_the_fifty_and_is_moved_by_its_controls(opened: Any) -> None:
    shown = lambda: opened.inner_text("#gradient-value")
    assert shown() == "1,125,899,906,842,624"
    opened.get_by_role("button", name="0.5", exact=True).click()
    assert shown() == "8.881784197001e-16"
    opened.fill("#w2", "2")
    opened.select_option("#nonlinearity", "tanh")
    opened.fill("#h0", "0.1")
    assert opened.inner_text("#verdict") == "vanishes"
    opened.fill("#h0", "0")
    assert opened.inner_text("#verdict") == "explodes"
    assert shown() == "1,125,899,906,842,624"
    opened.fill("#seq-len", "3")
    opened.wait_for_function("location.hash === '#w2=2&t=3&f=tanh&h0=0'")
    opened.locator("#w2-slider").focus()
    opened.keyboard.press("ArrowLeft")
    assert opened.input_value("#w2") == "1.99"


WRONG = {
    "#w2=two": "W2 is “two”: expected a number.",
    "#t=5000": "T is 5000: expected a whole number from 1 to 1000; 1000 is shown.",
    "#f=gelu": "f is “gelu”: expected linear, relu, tanh, sigmoid.",
    "#x=1,up": "x has “up”: expected numbers with commas between them.",
    "#h0=1e101": "h_0 is “1e101”: expected a number of a size up to 1e+100.",
    "#w2=<img src=x onerror=alert(1)>": "W2 is “<img src=x onerror=alert(1)>”: expected a number.",
}


def test_a_wrong_address_is_told_in_a_sentence(opened: Any) -> None:
    for address, told in WRONG.items():
        go_to(opened, address)
        assert opened.inner_text("#complaints") == told
        assert float(opened.inner_text("#gradient-log10")) > 0
    go_to(opened, "#w2=2")
    assert opened.inner_text("#complaints") == ""


def test_the_state_is_dragged_to_where_tanh_explodes(opened: Any) -> None:
    go_to(opened, "#w2=2&t=50&f=tanh&h0=0.5")
    opened.locator("#over-h0").scroll_into_view_if_needed()
    opened.wait_for_selector("#over-h0 .ground")
    # Measured within one task of the page, which draws the figure anew between two.
    box = opened.evaluate("document.querySelector('#over-h0 .ground').getBoundingClientRect().toJSON()")
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    opened.mouse.move(middle[0] + 60, middle[1])
    opened.mouse.down()
    opened.mouse.move(middle[0] + 30, middle[1])
    assert opened.inner_text("#verdict") == "vanishes"
    opened.mouse.move(*middle)
    opened.mouse.up()
    assert opened.inner_text("#verdict") == "explodes"


def test_a_plain_step_on_the_wall_flies_and_a_clipped_one_does_not(opened: Any) -> None:
    opened.get_by_role("button", name="explodes, W₂ = 1.1").click()
    opened.click("#clipped-step")
    assert float(opened.input_value("#w2")) == pytest.approx(1.09)
    opened.click("#plain-step")
    assert abs(float(opened.input_value("#w2"))) > 10
    opened.click("#plain-step")
    opened.click("#plain-step")
    opened.wait_for_function("document.getElementById('step-told').textContent.includes('lost')")


def test_answers_are_hidden_until_asked(opened: Any) -> None:
    assert opened.is_visible("#gradient-value")
    go_to(opened, "#w2=2&t=50&ask=1")
    for hidden in ("#gradient-value", "#gradient-log10", "#float32-value", "#ruler", "#written-out"):
        assert not opened.is_visible(hidden)
    opened.locator("#chain .ask").first.get_by_role("button").last.click()
    assert opened.is_visible("#gradient-value")
    assert "1,125,899,906,842,624" in opened.inner_text("#chain .answer")
    assert not opened.locator("#lags").is_visible()


def test_the_arrow_keys_walk_the_stations(opened: Any) -> None:
    opened.click("#teach")
    seen = []
    for _ in range(7):
        opened.wait_for_timeout(150)
        assert opened.locator(".station:visible").count() == opened.locator(".ask:visible").count() == 1
        seen.append(opened.locator(".station:visible").get_attribute("id"))
        opened.keyboard.press("ArrowRight")
    assert list(dict.fromkeys(seen)) == ["chain", "correction", "consequence", "cures"]
    opened.keyboard.press("ArrowLeft")
    opened.wait_for_function("location.hash.endsWith('teach=6')")
    opened.keyboard.press("Escape")
    assert opened.locator(".station:visible").count() == 4


@pytest.mark.parametrize(("size", "scheme"), [(SIZES[0], "dark"), (SIZES[1], "light"), (SIZES[2], "dark")])
def test_nobody_is_kept_out_and_nothing_sticks_out(browser: Any, size: tuple[int, int], scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe: pip install 'rnnlab[test]'")
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
    )
    page.goto((RESULT / store.PAGE).as_uri())
    page.evaluate(
        "byId('prices').open = true; document.querySelectorAll('.ask').forEach((c) => c.querySelector('button').click()); drawStations(Object.keys(STATIONS))"
    )
    for address in ("#w2=2&t=1000&f=tanh&h0=0.1&x=0,0.5,1", "#teach=3"):
        go_to(page, address)
        found = axe.Axe().run(page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], one["nodes"][0]["html"]) for one in serious] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.close()


def test_without_scripts_it_is_a_picture(browser: Any) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto((RESULT / store.PAGE).as_uri())
    assert page.locator("noscript svg").first.is_visible()
    page.close()


def test_a_redraw_is_quick(opened: Any) -> None:
    """Measured at about 6 ms, wanted below 16; a shared machine gets ten times as long."""
    went = opened.evaluate("""() => {
      const times = [];
      for (let k = 0; k < 120; k += 1) {
        const from = performance.now();
        change({ w2: 1 + k / 120, t: 1000, f: 'tanh', h0: 0.1 });
        drawStations(['chain', 'correction']);
        times.push(performance.now() - from);
      }
      return times.slice(-40).sort((a, b) => a - b)[20]; // once it is compiled
    }""")
    print(f"a redraw at T = 1000: {went:.1f} ms")
    assert went < 160


def test_it_opens_in_firefox(tmp_path: Path) -> None:
    """Through WebDriver BiDi, which Firefox speaks without a driver."""
    client = pytest.importorskip("websockets.sync.client", reason="no websockets: pip install 'rnnlab[test]'")
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if firefox is None:
        pytest.skip("no Firefox: apt-get install firefox-esr")
    command = [firefox, "--headless", "--remote-debugging-port=0", "--no-remote", "--profile", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stderr is not None
            listening = (re.search(r"BiDi listening on (ws://\S+)", line) for line in process.stderr)
            address = next(found[1] for found in listening if found)
            with client.connect(f"{address}/session", max_size=None) as socket:
                assert told_by_firefox(socket) == ["-35.2898718372", "vanishes", True]
        finally:
            process.terminate()


def told_by_firefox(socket: Any) -> Any:
    """What the page shows at W2 = 2, tanh, h_0 = 0.1, and whether its charts are drawn."""

    def ask(method: str, **params: Any) -> Any:
        socket.send(json.dumps({"id": 1, "method": method, "params": params}))
        answers = (json.loads(message) for message in socket)
        answer = next(answer for answer in answers if answer.get("id") == 1)
        assert answer["type"] == "success", answer
        return answer["result"]

    ask("session.new", capabilities={})
    context = ask("browsingContext.getTree")["contexts"][0]["context"]
    address = (RESULT / store.PAGE).as_uri() + "#w2=2&t=50&f=tanh&h0=0.1"
    ask("browsingContext.navigate", context=context, url=address, wait="complete")
    shown = """(drawStations(Object.keys(STATIONS)), JSON.stringify([
      byId('gradient-log10').textContent, byId('verdict').textContent, byId('lags').querySelectorAll('path').length > 5]))"""
    result = ask("script.evaluate", expression=shown, target={"context": context}, awaitPromise=False)
    return json.loads(result["result"]["value"])
