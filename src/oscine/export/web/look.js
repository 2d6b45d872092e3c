// What the element looks like: its parts and their style.

export const STRUCTURE = `
<section id="stage" aria-label="Play">
  <div id="meters">
    <div id="heard" class="meter" data-title="You"></div>
    <div id="played" class="meter" data-title="Instrument"></div>
    <button id="start" type="button" disabled>Start the sound</button>
  </div>
  <div id="bar">
    <fieldset id="by">
      <legend class="unseen">What plays the instrument</legend>
      <label><input type="radio" name="by" id="by-notes" checked><span>Notes</span></label>
      <label><input type="radio" name="by" id="by-microphone"><span>Microphone</span></label>
    </fieldset>
    <label id="device-label" hidden>Input <select id="device"></select></label>
    <label id="voices-label">Notes at once <select id="voices"></select></label>
    <button id="midi" type="button">Connect MIDI</button>
    <button id="panic" type="button" title="End all notes (Escape)">Panic</button>
  </div>
  <div id="keyboard">
    <button id="down" type="button" aria-label="An octave down" title="An octave down (Z)">‹</button>
    <div id="piano" role="group" aria-label="Piano. Arrows move, space plays; so do the letters A to K."></div>
    <button id="up" type="button" aria-label="An octave up" title="An octave up (X)">›</button>
  </div>
  <p id="said" role="status"></p>
  <p id="hint">Lower on a key is louder. <span id="letters">Letters play too, from <kbd>A</kbd>; <kbd>Z</kbd> and <kbd>X</kbd> change the octave.</span>
    <span id="grey">Grey keys are outside what the instrument has learned.</span></p>
</section>
<section id="controls" aria-label="Settings" hidden>
  <div id="sliders"></div>
  <button id="reset" type="button">Reset all settings</button>
</section>
<footer><p id="state"></p><p><span id="credit"></span> <span id="licence"></span></p></footer>
`;

export const STYLE = `
:host { display: block; color-scheme: light dark; --ink: #1d2430; --soft: #566170; --line: #dfe3e8; --edge: #838d9a;
  --paper: #fff; --card: #f6f7f9; --accent: #a83f29; --on-accent: #fff; --white: #fff; --beyond: #e9ebee; --black: #262c36;
  --key-ink: #566170; color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :host { --ink: #e6e9ee; --soft: #a3adbb; --line: #2c3440; --edge: #6b7686;
  --paper: #12161c; --card: #1a2028; --accent: #f0896d; --on-accent: #1d1210; --white: #d8dce2; --beyond: #a9b0ba;
  --black: #0c0f13; --key-ink: #39424f; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
button, select { font: inherit; font-size: .9rem; color: var(--ink); background: var(--paper); border: 1px solid var(--edge);
  border-radius: .5rem; padding: .4rem .8rem; min-height: 2.5rem; cursor: pointer; max-width: 100%; }
button:hover:not(:disabled) { border-color: var(--ink); }
button:disabled { cursor: default; opacity: .6; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
#stage { background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: 1.25rem; }
p { margin: 0; }

#meters { position: relative; display: grid; gap: 1.25rem; grid-template-columns: 1fr; min-height: 6.5rem; align-items: center; }
#heard { display: none; }
.hearing #heard { display: grid; }
@media (min-width: 48rem) { .hearing #meters { grid-template-columns: 1fr 1fr; gap: 2.5rem; } }
.meter { display: grid; grid-template-columns: minmax(9.5rem, auto) 1fr; column-gap: 1.25rem; align-items: center; }
.meter .title { grid-column: 1 / -1; color: var(--soft); font-size: .85rem; }
.meter .note { font-size: 2.5rem; line-height: 1.1; font-weight: 600; letter-spacing: -.02em; }
.meter .exact { color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.meter .bars { display: grid; gap: .15rem; min-width: 0; }
.scale { display: grid; grid-template-columns: 1fr 1fr 1fr; text-align: center; font-size: .75rem; line-height: 1.3; color: var(--soft); font-variant-numeric: tabular-nums; }
.scale :first-child { text-align: left; }
.scale :last-child { text-align: right; }
.level { margin-top: .5rem; }
.tuner { position: relative; height: 1.1rem; border-bottom: 2px solid var(--line); }
.tuner::before { content: ""; position: absolute; left: calc(50% - 1px); bottom: 0; width: 2px; height: .7rem; background: var(--edge); }
.tuner i { position: absolute; bottom: -3px; left: 50%; width: 6px; height: 1rem; margin-left: -3px; border-radius: 3px;
  background: var(--accent); visibility: hidden; }
.level { position: relative; height: .55rem; border-radius: .3rem; background: var(--line); overflow: hidden; }
.level i { position: absolute; inset: 0; background: var(--accent); transform: scaleX(0); transform-origin: left; border-radius: inherit; }
#stage:not(.playing) .meter { visibility: hidden; }
#start { position: absolute; inset: 0; margin: auto; width: max-content; height: 3.25rem; padding: 0 2rem; font-size: 1.1rem; font-weight: 600;
  background: var(--accent); color: var(--on-accent); border-color: transparent; border-radius: 2rem; }
#start:disabled { opacity: 1; background: var(--line); color: var(--soft); }

#bar { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: 1.25rem 0; }
#bar label { font-size: .9rem; }
#bar > label { color: var(--soft); min-width: 0; max-width: 100%; }
#by { display: inline-flex; border: 1px solid var(--edge); border-radius: .5rem; padding: 0; margin: 0; background: var(--paper); overflow: clip; overflow-clip-margin: 6px; }
#by input { position: absolute; opacity: 0; }
#by span { display: block; padding: .5rem 1rem; cursor: pointer; border-radius: .45rem; }
#by input:checked + span { background: var(--ink); color: var(--paper); }
#by input:focus-visible + span { outline: 3px solid var(--accent); outline-offset: 2px; }
#panic { margin-left: auto; }
#said { font-size: .9rem; margin-top: .75rem; }
#said:empty { margin: 0; }
#said.error { color: var(--accent); font-weight: 600; }

#keyboard { display: grid; grid-template-columns: auto 1fr auto; gap: .5rem; align-items: stretch; }
#keyboard > button { padding: 0 .6rem; font-size: 1.3rem; }
#piano { position: relative; height: 12rem; touch-action: none; user-select: none; -webkit-user-select: none; border-radius: .4rem; }
#piano button { position: absolute; top: 0; padding: 0; min-height: 0; border: 1px solid var(--edge); border-radius: 0 0 .4rem .4rem;
  display: flex; flex-direction: column; justify-content: flex-end; align-items: center; padding-bottom: .4rem; line-height: 1.25; touch-action: none; }
#piano .white { height: 100%; background: var(--white); color: var(--key-ink); }
#piano .black { height: 61%; background: var(--black); color: #e6e9ee; border-color: var(--black); z-index: 1; }
#piano .beyond.white { background: var(--beyond); }
#piano [aria-pressed="true"] { background: var(--accent) !important; border-color: var(--accent); color: var(--on-accent); }
#piano :focus-visible { z-index: 2; outline-offset: -4px; }
#piano .black:focus-visible { outline-color: #f0896d; }
#piano button::before { content: attr(data-letter); font-size: .75rem; }
#piano button::after { content: attr(data-name); font-size: .75rem; font-weight: 600; min-height: 1.25em; }
@media (hover: none) { #piano button::before { content: none; } #letters { display: none; } }
#hint { color: var(--soft); font-size: .85rem; margin-top: .5rem; }
kbd { font: inherit; font-weight: 600; color: var(--ink); }

#controls { margin-top: 1.5rem; }
#sliders { columns: 17rem 3; column-gap: 1rem; }
details { break-inside: avoid; background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: .9rem 1.1rem; margin-bottom: 1rem; }
summary { font-weight: 600; cursor: pointer; }
.slider { touch-action: manipulation; display: grid; grid-template-columns: 1fr auto; column-gap: 1rem; font-size: .9rem; margin-top: .8rem; }
.slider input { grid-column: 1 / -1; width: 100%; height: 1.6rem; margin: 0; accent-color: var(--accent); }
.slider .value { color: var(--soft); overflow-wrap: anywhere; text-align: right; font-variant-numeric: tabular-nums; }
.switch { display: flex; gap: .6rem; align-items: center; font-size: .9rem; margin-top: .9rem; }
.switch input { width: 1.15rem; height: 1.15rem; margin: 0; accent-color: var(--accent); }
footer { color: var(--soft); font-size: .85rem; margin-top: 1.25rem; display: grid; gap: .25rem; overflow-wrap: anywhere; }

@media (max-width: 30rem) { #stage { padding: .9rem; } #panic { margin-left: 0; } .meter { grid-template-columns: 1fr; row-gap: .4rem; }
  .meter .pitch { display: flex; align-items: baseline; gap: .75rem; }
  #keyboard > button { padding: 0 .35rem; } #piano { height: 10rem; } }
`;
