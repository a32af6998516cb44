"""The look of the page: light and dark, wide and narrow, on paper; no script and nothing from elsewhere."""

from tonearm.theme import COLOURS, DARK_COLOURS, INK, LINE, PAPER, RIGHT, SOFT, WRONG

DARK_RIGHT, DARK_WRONG = "#56b4e9", "#ff8c42"


def _colours(colours: tuple[str, ...], right: str, wrong: str) -> str:
    numbered = " ".join(f"--s{number}: {colour};" for number, colour in enumerate(colours))
    return f"{numbered} --right: {right}; --wrong: {wrong};"


_THEME = f"""
:root {{ color-scheme: light dark; --ink: {INK}; --paper: {PAPER}; --soft: {SOFT}; --line: {LINE}; --wash: #f4f6f8;
  --alarm: #a33c00; --alarm-wash: #fff1e6; {_colours(COLOURS, RIGHT, WRONG)} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ --ink: #e8eaed; --paper: #14171a; --soft: #a5adb6;
  --line: #363c43; --wash: #1d2126; --alarm: #ffb27a; --alarm-wash: #33210f;
  {_colours(DARK_COLOURS, DARK_RIGHT, DARK_WRONG)} }} .matrix .middling {{ fill: var(--paper); }} }}
"""
_LOOK = """
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; font: 1rem/1.55 system-ui, sans-serif; color:
  var(--ink); background: var(--paper); }
figcaption, summary, li { overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--line); overflow-wrap:
  anywhere; }
h3, h4 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p { max-width: 46rem; overflow-wrap: anywhere; }
a { color: var(--s0); }
:focus-visible { outline: 3px solid var(--s1); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
.verdict { font-size: 1.15rem; }
h1 + .verdict { font-size: 1.3rem; line-height: 1.4; }
.soft { color: var(--soft); }
.alarm { border-left: 4px solid var(--alarm); background: var(--alarm-wash); padding: .6rem .9rem; }
.box { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child, td.text, th.text { text-align:
  left; }
thead th { white-space: normal; line-height: 1.25; }
td.text { white-space: normal; }
tbody tr:first-child { background: var(--wash); }
.plain tbody tr:first-child { background: none; } .box + .box { margin-top: 1rem; }
.board { width: 100%; } .board th, .board td { padding: .35rem .4rem; }
.board tbody th { overflow-wrap: anywhere; white-space: normal; min-width: clamp(5.5rem, 12vw, 9rem); padding-left:
  1.6rem; }
.board th .swatch { float: left; margin: .35em 0 0 -1.2rem; } .board th.interval { text-align: center; }
.board .rest { display: none; } .board .rest td { padding-top: 0; white-space: normal; text-align: left;
  overflow-wrap: anywhere; }
.board dl, .board details { margin: 0; } .board summary { font-weight: 400; color: var(--soft); font-size: .85rem; }
.board dl { display: grid; grid-template-columns: auto auto 1fr; gap: 0 .8rem; } .board dt { color: var(--soft); }
.board dd { margin: 0; text-align: right; } .board dl i { font-style: normal; }
.board tbody th, .board td { vertical-align: middle; }
.board .bar { display: block; margin: 0 auto; }
.board td:has(.bar) { text-align: center; }
.board .range-words { display: block; line-height: 1.1; font-size: .8rem; color: var(--soft); }
.swatch { width: 13px; height: 13px; margin-right: .45rem; vertical-align: -1px; }
svg { max-width: 100%; height: auto; font: 13px system-ui, sans-serif; } svg text { fill: currentColor; }
svg .head { font-weight: 600; font-size: 16px; } svg .tick { font-size: 12px; }
svg .number { font-size: 10px; } svg .gain { font-weight: 600; }
.bar { width: 168px; min-width: 5rem; height: 16px; } .axis { stroke: var(--line); stroke-width: 1; }
.bar .range { stroke-width: 4; opacity: .5; }
.bar .dot-line { stroke: var(--ink); stroke-width: 1.4; }
.grid { stroke: var(--line); stroke-width: 1; } .line { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.training { stroke-dasharray: 6 3; stroke-width: 1.5; opacity: .6; } .law { stroke-width: 1; opacity: .7; }
.rule { fill: none; stroke: var(--soft); stroke-width: 1; }
.mark { stroke: none; } .mark.hollow { fill: var(--paper); stroke-width: 1.5; }
.whisker { stroke-width: 1.6; opacity: .55; } .count { opacity: .35; }
.slope { display: block; width: 100%; } .slope.wide { font-size: 15px; } .slope.narrow { display: none; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.6rem 1.2rem; }
.charts.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
.matrix { display: block; } .matrix .right { fill: var(--right); }
.matrix .wrong { fill: var(--wrong); } .matrix .cell { stroke: var(--line); stroke-width: .5; }
.matrix .own { font-weight: 600; } .matrix .strong { fill: var(--paper); }
img.drawn { max-width: 100%; background: #fff; border-radius: 6px; padding: .4rem; }
figure { margin: 0; break-inside: avoid; } figcaption { font-weight: 600; margin-bottom: .2rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .2rem 0; padding: 0;
  font-size: .9rem; }
.legend svg { width: 34px; height: 10px; margin-right: .4rem; vertical-align: middle; }
.clips { list-style: none; padding: 0; display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.clips > li { border: 1px solid var(--line); border-radius: 6px; padding: .7rem; break-inside: avoid; overflow-wrap:
  anywhere; }
.doubt { font-style: normal; font-weight: 600; color: var(--alarm); }
.clips p, .clips details { margin: .4rem 0 0; } .clips ol { margin: .2rem 0; padding-left: 1.4rem; }
.clips img { width: 173px; height: 172px; display: block; margin: .5rem 0; max-width: 100%; }
audio { width: 100%; height: 2.4rem; }
details { margin: .6rem 0; } summary { cursor: pointer; font-weight: 600; padding: .2rem 0; }
pre { background: var(--wash); padding: .8rem; overflow-x: auto; font-size: .85rem; }
"""
# columns fold by priority: c at first, then b, and on a phone all but name, judged score and its bar
_FOLDS = """
@media screen and (max-width: 74rem) { .board .c { display: none; } .board .rest { display: table-row; }
  .board tr:has(+ .rest) > * { border-bottom: none; } }
@media screen and (max-width: 48rem) { .board .b { display: none; } .slope.wide { display: none; }
  .slope.narrow { display: block; max-width: 30rem; margin: 0 auto; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  .box th, .box td { padding: .3rem .35rem; font-size: .85rem; }
  .box td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 5rem; }
  .classes th:last-child, .classes td:last-child { display: none; } h1 { font-size: 1.5rem; } }
@media screen and (max-width: 26rem) { .board th, .board td { padding: .3rem .25rem; } .board .bar { width: 110px; }
  .classes th, .classes td { padding: .3rem .2rem; font-size: .75rem; } .classes td.text { white-space: nowrap; }
  .classes td:first-child { min-width: 0; } }
@media print { body { max-width: none; font-size: 10pt; } audio, .skip { display: none; } h2, h3 { break-after: avoid; }
  .box { overflow: visible; } table { font-size: 7.5pt; } th, td, .board th, .board td { padding: .15rem .3rem; }
  .board .range-words { font-size: 6pt; } .board tbody th { padding-left: 1.2rem; }
  .bar { width: 90px; } tr, .charts > * { break-inside: avoid; } .charts { grid-template-columns: 1fr 1fr; }
  .charts.small { grid-template-columns: 1fr 1fr 1fr; } * { print-color-adjust: exact; } }
"""
_MODELS = "".join(
    f".s{number} {{ stroke: var(--s{number}); }} .mark.s{number}, .band.s{number}, .count.s{number} "
    f"{{ fill: var(--s{number}); }}\n"
    for number in range(len(COLOURS))
)
# after the models' colours, which it takes back from areas, and from shapes that are hollow
_AREAS = ".band { stroke: none; fill-opacity: .13; } .count, .mark:not(.hollow) { stroke: none; }\n"
_AREAS += ".mark.hollow { fill: var(--paper); }\n"
CSS = _THEME + _LOOK + _MODELS + _AREAS + _FOLDS
