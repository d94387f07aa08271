// How it is drawn: columns by depth, rows by where their neighbours are; pan, zoom, keys.
const WIDTH = 200, HEIGHT = 42, GAP_X = 110, GAP_Y = 14, LEGIBLE = .62, SVG = 'http://www.w3.org/2000/svg';
const svg = element('graph'), world = element('world');
const camera = {x: 0, y: 0, k: 1};
let places = new Map();   // node index → {x, y, column, row}

function draw(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function layout({columns, folded}) {
  const depths = [...new Set([...columns.keys(), ...folded.keys()])].sort((a, b) => a - b);
  const shown = new Set([...columns.values()].flat());
  const rows = new Map();
  for (const depth of depths) (columns.get(depth) ?? []).forEach((at, row) => rows.set(at, row));
  const middle = at => {
    const others = [...before[at].map(a => arrows[a].source), ...after[at].map(a => arrows[a].target)]
      .filter(other => shown.has(other) && nodes[other].depth !== nodes[at].depth);
    return others.length ? others.reduce((sum, other) => sum + rows.get(other), 0) / others.length : rows.get(at);
  };
  for (let sweep = 0; sweep < 4; sweep++) {  // neighbours' middle, there and back: fewer crossings
    for (const depth of sweep % 2 ? [...depths].reverse() : depths) {
      const column = columns.get(depth) ?? [];
      const keys = new Map(column.map(at => [at, middle(at)]));
      column.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
      column.forEach((at, row) => rows.set(at, row));
    }
  }
  places = new Map();
  const side = data.direction === 'upstream' ? -1 : 1;
  depths.forEach((depth, column) => {
    const mine = columns.get(depth) ?? [], n = mine.length + (folded.has(depth) ? 1 : 0);
    mine.forEach((at, row) => places.set(at, {
      x: side * column * (WIDTH + GAP_X), y: (row - (n - 1) / 2) * (HEIGHT + GAP_Y), column, row}));
  });
  return {depths, side};
}

function short(text, most) {
  const letters = [...text];
  return letters.length <= most ? text : letters.slice(0, Math.ceil(most / 2) - 1).join('') + '…'
    + letters.slice(-Math.floor(most / 2)).join('');
}

function box(x, y, kind, name, label, classes, act) {
  const group = draw('g', {class: 'node ' + classes, tabindex: 0, role: 'button', 'aria-label': label,
    transform: `translate(${x} ${y})`});
  const kindText = draw('text', {class: 'kind', x: 9, y: 15}, short(kind, 30));
  const nameText = draw('text', {x: 9, y: 32}, short(name, 28));
  group.append(draw('title', {}, label), draw('rect', {width: WIDTH, height: HEIGHT, rx: 6}), kindText, nameText);
  group.addEventListener('click', act);
  group.addEventListener('keydown', event => {
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); act(); }
  });
  return group;
}

function curve(arrow) {
  const from = places.get(arrow.source), to = places.get(arrow.target);
  const ahead = to.x >= from.x, same = to.x === from.x;
  const x1 = from.x + (ahead || same ? WIDTH : 0), y1 = from.y + HEIGHT / 2;
  const x2 = to.x + (ahead && !same ? 0 : WIDTH), y2 = to.y + HEIGHT / 2;
  const bend = same ? 60 : Math.max(40, Math.abs(x2 - x1) / 2);
  return `M${x1} ${y1} C${x1 + (ahead ? bend : -bend)} ${y1} ${x2 + (ahead && !same ? -bend : bend)} ${y2} ${x2} ${y2}`;
}

function redraw() {
  const found = visible(), {depths, side} = layout(found);
  const selected = state.selected;
  const lit = selected === null ? null
    : new Set([selected, ...reach(selected, before, 'source'), ...reach(selected, after, 'target')]);
  const onPath = new Set(selected === null ? [] : nodes[selected].path.map(([at]) => at));
  const focused = document.activeElement?.dataset?.at;
  world.replaceChildren();
  arrows.forEach((arrow, at) => {
    if (!places.has(arrow.source) || !places.has(arrow.target)) return;
    const dim = lit && !(lit.has(arrow.source) && lit.has(arrow.target)) && !onPath.has(at);
    const classes = ['arrow', arrow.confidence < 1 ? 'unsure' : '', onPath.has(at) ? 'on' : '', dim ? 'dim' : ''];
    world.append(draw('path', {class: classes.join(' '), d: curve(arrow), 'marker-end': 'url(#tip)'},
      draw('title', {}, `${nodes[arrow.source].name} ${arrow.relation} ${nodes[arrow.target].name} — ${told(arrow)}`)));
  });
  depths.forEach((depth, column) => {
    const mine = found.columns.get(depth) ?? [], n = mine.length + (found.folded.has(depth) ? 1 : 0);
    const x = side * column * (WIDTH + GAP_X), top = -(n - 1) / 2 * (HEIGHT + GAP_Y);
    if (data.hasTargets) {
      const head = depth ? `depth ${depth}` : data.direction === 'impact' ? 'the change' : 'asked about';
      world.append(draw('text', {class: 'column', x: x + 2, y: top - 14}, head));
    }
    for (const at of mine) {
      const node = nodes[at], place = places.get(at);
      const kind = [node.type, node.target ? 'changed' : node.severity].filter(Boolean);
      if (node.target && data.direction !== 'impact') kind.pop();
      const dim = lit && !lit.has(at) && ![...onPath].some(a => arrows[a].source === at || arrows[a].target === at);
      const classes = [node.target ? 'target' : (node.severity ?? '').toLowerCase(), at === selected ? 'selected' : '', dim ? 'dim' : ''];
      const label = [node.name, ...kind, node.owners.length ? `owner ${node.owners.join(', ')}` : ''].filter(Boolean).join(', ');
      const group = box(place.x, place.y, kind.join(' · '), node.name, label, classes.join(' '), () => select(at));
      group.dataset.at = at;
      world.append(group);
    }
    if (found.folded.has(depth)) {
      const more = found.folded.get(depth).toLocaleString('en');
      const where = data.hasTargets ? `at depth ${depth}` : 'in this column';
      const pill = box(x, top + mine.length * (HEIGHT + GAP_Y), `${more} hidden ${where}`, `show ${Math.min(STEP, found.folded.get(depth))} more`,
        `${more} hidden ${where}: show more`, 'more', () => unfold(depth));
      pill.dataset.more = depth;
      world.append(pill);
    }
  });
  const wide = [...world.querySelectorAll('.node text')].filter(text => text.getComputedTextLength() > WIDTH - 16);
  for (const text of wide) { text.setAttribute('textLength', WIDTH - 16); text.setAttribute('lengthAdjust', 'spacingAndGlyphs'); }
  if (focused !== undefined) world.querySelector(`[data-at="${focused}"]`)?.focus({preventScroll: true});
  report(found);
}

function report({columns, folded, filtered}) {
  const number = n => n.toLocaleString('en');
  const shown = [...columns.values()].reduce((sum, column) => sum + column.length, 0);
  const hidden = [...folded.values()].reduce((sum, n) => sum + n, 0);
  const parts = [`${number(shown)} of ${number(nodes.length)} shown`];
  if (hidden) parts.push(`${number(hidden)} hidden, folded`);
  if (filtered) parts.push(`${number(filtered)} hidden by filters`);
  if (data.nHidden) parts.push(`${number(data.nHidden)} not on this page`);
  element('status').textContent = parts.join(' · ');
}

function move() { world.setAttribute('transform', `translate(${camera.x} ${camera.y}) scale(${camera.k})`); }

function fit(least = .08) {  // all of it, or as much as is legible
  const boxes = [...world.querySelectorAll('.node')].map(group => group.transform.baseVal[0].matrix);
  if (!boxes.length) return;
  const left = Math.min(...boxes.map(m => m.e)), right = Math.max(...boxes.map(m => m.e)) + WIDTH;
  const top = Math.min(...boxes.map(m => m.f)) - 30, bottom = Math.max(...boxes.map(m => m.f)) + HEIGHT;
  const {width, height} = svg.getBoundingClientRect();
  camera.k = Math.min(1.3, Math.max(least, Math.min((width - 40) / (right - left), (height - 40) / (bottom - top))));
  const isWide = camera.k * (right - left) > width;  // then from the target on
  camera.x = isWide ? 20 - camera.k * left : (width - camera.k * (left + right)) / 2;
  if (isWide && data.direction === 'upstream') camera.x = width - 20 - camera.k * right;
  camera.y = (height - camera.k * (top + bottom)) / 2;
  move();
}

function zoom(factor, x, y) {
  const {width, height} = svg.getBoundingClientRect();
  const [cx, cy] = [x ?? width / 2, y ?? height / 2], k = Math.min(4, Math.max(.05, camera.k * factor));
  camera.x = cx - (cx - camera.x) * k / camera.k;
  camera.y = cy - (cy - camera.y) * k / camera.k;
  camera.k = k;
  move();
}

function centre(at, focus) {
  const place = places.get(at);
  if (!place) return;
  const {width, height} = svg.getBoundingClientRect();
  const x = camera.x + camera.k * (place.x + WIDTH / 2), y = camera.y + camera.k * (place.y + HEIGHT / 2);
  if (camera.k < .5) camera.k = .8;
  if (x < 100 || x > width - 100 || y < 40 || y > height - 40 || camera.k === .8) {
    camera.x = width / 2 - camera.k * (place.x + WIDTH / 2);
    camera.y = height / 2 - camera.k * (place.y + HEIGHT / 2);
    move();
  }
  if (focus) world.querySelector(`[data-at="${at}"]`)?.focus({preventScroll: true});
}

function step(at, key) {  // the node that an arrow key leads to
  const here = places.get(at);
  const others = [...places].filter(([other]) => other !== at);
  const isSide = key === 'ArrowLeft' || key === 'ArrowRight';
  const sign = key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1;
  const ahead = others.filter(([, p]) => isSide ? sign * (p.x - here.x) > 0 : p.x === here.x && sign * (p.y - here.y) > 0);
  const linked = new Set([...after[at].map(a => arrows[a].target), ...before[at].map(a => arrows[a].source)]);
  const cost = ([other, p]) => Math.abs(p.x - here.x) * 10 + Math.abs(p.y - here.y) - (isSide && linked.has(other) ? 1e6 : 0);
  return ahead.sort((a, b) => cost(a) - cost(b))[0]?.[0];
}

let drag = null;
svg.addEventListener('pointerdown', event => {
  if (!event.target.closest('.node')) { drag = [event.clientX - camera.x, event.clientY - camera.y]; svg.classList.add('dragging'); }
});
addEventListener('pointermove', event => {
  if (drag) { camera.x = event.clientX - drag[0]; camera.y = event.clientY - drag[1]; move(); }
});
addEventListener('pointerup', () => { drag = null; svg.classList.remove('dragging'); });
svg.addEventListener('wheel', event => {
  event.preventDefault();
  const frame = svg.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY / 500), event.clientX - frame.left, event.clientY - frame.top);
}, {passive: false});
world.addEventListener('focusin', event => {
  const at = event.target.closest('.node')?.dataset.at;
  if (at !== undefined && event.target.matches(':focus-visible')) centre(Number(at), false);
});
addEventListener('keydown', event => {
  const typing = event.target.matches('input'), at = event.target.closest?.('.node')?.dataset?.at;
  if (event.key === 'Escape') { if (typing) { element('search').value = ''; search(); } else select(null); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/') { event.preventDefault(); element('search').focus(); }
  else if (event.key === '+') zoom(1.25);
  else if (event.key === '-') zoom(.8);
  else if (at !== undefined && event.key.startsWith('Arrow')) {
    event.preventDefault();
    const next = step(Number(at), event.key);
    if (next !== undefined) { centre(next, true); }
  }
});
element('in').addEventListener('click', () => zoom(1.25));
element('out').addEventListener('click', () => zoom(.8));
element('fit').addEventListener('click', () => fit());
element('fold').addEventListener('click', () => { fold(); redraw(); fit(LEGIBLE); });
element('search').addEventListener('input', search);
element('filters').addEventListener('submit', event => event.preventDefault());
function fromAddress() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const at = nodes.findIndex(node => node.uri === wanted);
  if (at >= 0) { select(at); fit(LEGIBLE); centre(at, false); }
}
addEventListener('hashchange', fromAddress);
fold();
buildFilters();
redraw();
fit(LEGIBLE);
details();
fromAddress();
