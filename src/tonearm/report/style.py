"""The look of the page: light and dark, wide and narrow, on paper; no script and nothing from elsewhere."""

_LOOK = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #5b6570; --line: #d5dae0; --wash: #f4f6f8;
  --alarm: #a33c00; --alarm-wash: #fff1e6; --heat: 0, 114, 178; --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3:
  #cc79a7;
  --s4: #b57f00; --s5: #3a8fc2; --s6: #1b1f24; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #14171a; --soft: #a5adb6; --line: #363c43;
  --wash: #1d2126; --alarm: #ffb27a; --alarm-wash: #33210f; --heat: 86, 180, 233; --s0: #56b4e9; --s1: #ff8c42;
  --s2: #2cc79b;
  --s3: #e29cc4; --s4: #e69f00; --s5: #8ecdf5; --s6: #e8eaed; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; font: 1rem/1.55 system-ui, sans-serif; color:
  var(--ink);
  background: var(--paper); }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .6rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3, h4 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p { max-width: 46rem; }
a { color: var(--s0); }
:focus-visible { outline: 3px solid var(--s1); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
.verdict { font-size: 1.1rem; }
.soft { color: var(--soft); }
.alarm { border-left: 4px solid var(--alarm); background: var(--alarm-wash); padding: .6rem .9rem; }
.box { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child, td.text, th.text { text-align:
  left; }
td.text { white-space: normal; }
tbody tr:first-child { background: var(--wash); }
.matrix td { text-align: center; border: 1px solid var(--paper); min-width: 2.4rem; padding: .2rem; }
.matrix tbody tr:first-child { background: none; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; } svg text { fill: currentColor; }
svg .head { font-weight: 600; }
.bar { width: 168px; min-width: 168px; max-width: none; height: 16px; } .bar .axis { stroke: var(--line);
  stroke-width: 1; }
.bar .range { stroke: var(--s0); stroke-width: 4; opacity: .55; } .bar .dot { fill: var(--s0); }
.bar .dot-line { stroke: var(--ink); stroke-width: 1.4; }
.grid { stroke: var(--line); stroke-width: 1; } .line { fill: none; stroke-width: 2.2; } .faint { opacity: .45; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); } .s3 { stroke: var(--s3); }
.s4 { stroke: var(--s4); } .s5 { stroke: var(--s5); } .s6 { stroke: var(--s6); }
.slope { width: 520px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
img.drawn { max-width: 100%; background: #fff; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .2rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .2rem 0; padding: 0;
  font-size: .9rem; }
.legend svg { width: 34px; height: 8px; margin-right: .4rem; vertical-align: middle; }
.clips { list-style: none; padding: 0; display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.clips > li { border: 1px solid var(--line); border-radius: 6px; padding: .7rem; break-inside: avoid; overflow-wrap:
  anywhere; }
.clips p, .clips details { margin: .4rem 0 0; } .clips ol { margin: .2rem 0; padding-left: 1.4rem; }
.clips img { width: 173px; height: 172px; display: block; margin: .5rem 0; max-width: 100%; }
audio { width: 100%; height: 2.4rem; }
details { margin: .6rem 0; } summary { cursor: pointer; font-weight: 600; padding: .2rem 0; }
pre { background: var(--wash); padding: .8rem; overflow-x: auto; font-size: .85rem; }
@media print { body { max-width: none; font-size: 10pt; } audio, .skip { display: none; } h2 { break-after: avoid; }
  .box { overflow: visible; } table { font-size: 8pt; } }
"""
HEATS = range(1, 76)  # hundredths of opacity; a class each, since the page allows no style of a single cell
BANDS = "".join(f"polygon.s{look} {{ fill: var(--s{look}); }} " for look in range(7))
BANDS += "polygon.band { stroke: none; fill-opacity: .13; }\n"
CSS = (
    _LOOK
    + BANDS
    + "".join(f".heat{share} {{ background: rgba(var(--heat), {share / 100:.2f}); }}\n" for share in HEATS)
)
