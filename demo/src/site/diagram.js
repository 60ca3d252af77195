/** Draws the boxes of the diagram, and keeps their state up to date with /status.json. */

const svg = 'http://www.w3.org/2000/svg';
const nodes = new Map(
  [...document.querySelectorAll('.node')].map((group) => [group.dataset.process, drawNode(group)]),
);
const summary = document.getElementById('summary');

refresh();
setInterval(() => document.hidden || refresh(), 2000);

function drawNode(group) {
  const detail = element('text', { x: 28, y: 43, class: 'detail' });
  const name = element('text', { x: 28, y: 25 });
  name.textContent = group.dataset.label ?? group.dataset.process;
  group.append(
    element('rect', { width: 140, height: 56, rx: 14 }),
    element('circle', { cx: 15, cy: 20, r: 5 }),
    name,
    detail,
  );
  return { group, detail };
}

function element(tag, attributes) {
  const made = document.createElementNS(svg, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

async function refresh() {
  try {
    const answer = await fetch('/status.json', { signal: AbortSignal.timeout(3000) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show((await answer.json()).processes);
  } catch {
    for (const { group } of nodes.values()) group.setAttribute('class', 'node');
    summary.textContent = 'The demo does not answer.';
  }
}

function show(processes) {
  const known = new Map(processes.map((process) => [process.name, process]));
  for (const [name, { group, detail }] of nodes) {
    const process = known.get(name);
    group.setAttribute('class', `node ${stateClass(process)}`);
    detail.textContent = describe(process);
  }
  const running = processes.filter(({ state }) => state !== 'absent');
  const ready = running.filter((process) => stateClass(process) === 'ready');
  summary.textContent = `${ready.length} of ${running.length} processes are ready.`;
}

function stateClass(process) {
  if (process === undefined || process.state === 'absent') return 'absent';
  return process.state === 'ready' && process.notReady.length === 0 ? 'ready' : 'busy';
}

function describe(process) {
  if (process === undefined) return 'elsewhere';
  if (process.state === 'absent') return 'not installed';
  if (process.state !== 'ready') return process.state;
  if (process.notReady.length > 0) return `waits: ${process.notReady.join(', ')}`;
  const restarts = process.restarts === 0 ? '' : `, restarted ${process.restarts}×`;
  return process.pid === undefined ? 'by URL' : `pid ${process.pid}${restarts}`;
}
