'use strict';
// What is shown: the nodes that pass the filters, nearest first; what is folded waits behind "n more" in its column.
const data = JSON.parse(document.getElementById('data').textContent);
const nodes = data.nodes, arrows = data.arrows.map(([source, target, relation, confidence, who, evidence, at]) =>
  ({source, target, relation, confidence, who, evidence, at}));
const SEVERITIES = ['BREAKS', 'DEGRADES', 'STALE', 'INFORM', 'MASKED'];
const MANY = 120;     // nodes that are drawn without folding
const FIRST = 14;     // of a column, when folded
const STEP = 60;      // that "n more" brings
const element = id => document.getElementById(id);
const after = nodes.map(() => []), before = nodes.map(() => []);
arrows.forEach((arrow, at) => { after[arrow.source].push(at); before[arrow.target].push(at); });
const deepest = nodes.reduce((most, node) => Math.max(most, node.depth), 0);

const state = {off: new Set(), depth: deepest, limits: new Map(), revealed: new Set(), selected: null};

function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'onclick') made.addEventListener('click', value); else made.setAttribute(key, value);
  }
  made.append(...children);  // strings become text, never markup
  return made;
}

const passes = node => node.target || (node.depth <= state.depth && !state.off.has('type ' + node.type)
  && !state.off.has('severity ' + (node.severity ?? 'none')));
const severityOrder = node => node.target ? -1 : node.severity ? SEVERITIES.indexOf(node.severity) : 9;

function fold() {  // depth 1 first when there are many
  state.limits.clear();
  state.revealed.clear();
  for (let depth = 0; depth <= deepest; depth++) {
    state.limits.set(depth, nodes.length <= MANY ? Infinity : depth <= (data.hasTargets ? 1 : 0) ? FIRST : 0);
  }
  if (nodes.length > MANY && !data.hasTargets) {
    for (let depth = 0; depth <= deepest; depth++) state.limits.set(depth, Math.max(3, Math.floor(MANY / (deepest + 1))));
  }
}

function visible() {  // {columns: Map depth → node indexes, folded: Map depth → how many, filtered: how many}
  const columns = new Map(), folded = new Map();
  let filtered = 0;
  const order = nodes.map((_, at) => at).sort((a, b) =>
    nodes[a].depth - nodes[b].depth || severityOrder(nodes[a]) - severityOrder(nodes[b]) || a - b);
  const counts = new Map();
  for (const at of order) {
    const node = nodes[at], depth = node.depth;
    if (!passes(node)) { filtered++; continue; }
    const n = counts.get(depth) ?? 0;
    if (node.target || state.revealed.has(at) || n < (state.limits.get(depth) ?? 0)) {
      if (!state.revealed.has(at) && !node.target) counts.set(depth, n + 1);
      columns.set(depth, [...(columns.get(depth) ?? []), at]);
    } else {
      folded.set(depth, (folded.get(depth) ?? 0) + 1);
    }
  }
  return {columns, folded, filtered};
}

function unfold(depth) {
  state.limits.set(depth, (state.limits.get(depth) ?? 0) + STEP);
  redraw();
}

function reveal(at) {  // a node and its path, whatever is folded or filtered
  const node = nodes[at];
  state.revealed.add(at);
  for (const [arrow] of node.path) {
    state.revealed.add(arrows[arrow].source);
    state.revealed.add(arrows[arrow].target);
  }
  for (const shown of state.revealed) {
    state.off.delete('type ' + nodes[shown].type);
    state.off.delete('severity ' + (nodes[shown].severity ?? 'none'));
    state.depth = Math.max(state.depth, nodes[shown].depth);
  }
  syncFilters();
}

function select(at, {focus = false} = {}) {
  state.selected = at;
  if (at !== null) reveal(at);
  redraw();
  details();
  if (at !== null) centre(at, focus);
}

function reach(at, links, end) {  // everything up or down from a node
  const seen = new Set([at]), waiting = [at];
  while (waiting.length) {
    for (const arrow of links[waiting.pop()]) {
      const other = arrows[arrow][end];
      if (!seen.has(other)) { seen.add(other); waiting.push(other); }
    }
  }
  seen.delete(at);
  return seen;
}

function nodeButton(at, words) {
  const node = nodes[at];
  return make('button', {type: 'button', onclick: () => select(at, {focus: false})}, node.name, ' ',
    make('small', {}, [node.type, words].filter(Boolean).join(' · ')));
}

function listed(title, items, draw) {
  if (!items.length) return [];
  const list = make('ul', {class: 'plain'});
  let shown = 0;
  const more = make('button', {type: 'button', onclick: () => grow()}, '');
  function grow() {
    for (const item of items.slice(shown, shown + 20)) list.append(make('li', {}, draw(item)));
    shown = Math.min(items.length, shown + 20);
    more.textContent = `${(items.length - shown).toLocaleString('en')} more`;
    more.hidden = shown === items.length;
  }
  grow();
  return [make('h3', {}, `${title} (${items.length.toLocaleString('en')})`), list, more];
}

function told(arrow) {
  const sure = arrow.confidence < 1 ? `, confidence ${arrow.confidence.toFixed(2)}` : '';
  return `${arrow.who}${sure}${arrow.evidence ? `: ${arrow.evidence}` : ''}`;
}

function pathOf(node) {
  if (!node.path.length) return [];
  const list = make('ol', {class: 'path'});
  for (const [at, along] of node.path) {
    const arrow = arrows[at], [from, to] = along ? [arrow.source, arrow.target] : [arrow.target, arrow.source];
    list.append(make('li', {}, nodes[from].name, make('b', {}, along ? ` ${arrow.relation} ` : ` ← ${arrow.relation} `),
      nodes[to].name, make('br'), make('small', {}, told(arrow), arrow.at ? `, confirmed ${arrow.at}` : '')));
  }
  return [make('h3', {}, data.direction === 'impact' ? 'Path from the change' : 'Path'), list];
}

function details() {
  const box = element('details');
  box.replaceChildren();
  if (state.selected === null) {
    box.append(make('p', {class: 'muted'}, 'Select a node: its details, its path, and what is up- and downstream of it.'));
    return;
  }
  const at = state.selected, node = nodes[at];
  const facts = [node.type, node.target ? (data.direction === 'impact' ? 'changed' : 'asked about') : node.severity,
    data.hasTargets ? `depth ${node.depth}` : '', node.described ? '' : 'never described'].filter(Boolean);
  box.append(make('h2', {dir: 'auto'}, node.name), make('p', {class: 'facts'}, facts.join(' · ')),
    make('p', {class: 'facts'}, make('code', {}, node.uri)));
  for (const [title, words] of [['Owners', node.owners], ['Tags', node.tags]]) {
    if (words.length) box.append(make('h3', {}, title), make('p', {class: 'note', dir: 'auto'}, words.join(', ')));
  }
  const up = reach(at, before, 'source'), down = reach(at, after, 'target');
  box.append(...pathOf(node),
    ...listed('Directly upstream', before[at], arrow => nodeButton(arrows[arrow].source, arrows[arrow].relation)),
    ...listed('Directly downstream', after[at], arrow => nodeButton(arrows[arrow].target, arrows[arrow].relation)),
    make('p', {class: 'facts', id: 'reach'}, `${up.size} upstream and ${down.size} downstream in all, on this page`));
  const attributes = Object.entries(node.attributes);
  if (attributes.length) {
    const list = make('dl');
    for (const [name, value] of attributes) list.append(make('dt', {}, name), make('dd', {dir: 'auto'}, value));
    box.append(make('h3', {}, 'Attributes'), list);
  }
  box.append(make('p', {}, make('button', {type: 'button', onclick: () => select(null)}, 'Let go')));
}

function filterBox(parent, key, label, n) {
  const input = make('input', {type: 'checkbox', 'data-key': key});
  input.checked = true;
  input.addEventListener('change', () => {
    if (input.checked) state.off.delete(key); else state.off.add(key);
    for (const at of [...state.revealed]) if (!passes(nodes[at])) state.revealed.delete(at);
    redraw();
  });
  parent.append(make('label', {}, input, ` ${label} `, make('small', {}, n.toLocaleString('en'))));
}

function syncFilters() {
  for (const input of document.querySelectorAll('[data-key]')) input.checked = !state.off.has(input.dataset.key);
  element('depth').value = state.depth;
  element('depth-value').textContent = state.depth;
}

function buildFilters() {
  const types = new Map(), severities = new Map();
  for (const node of nodes) {
    if (node.target) continue;
    types.set(node.type, (types.get(node.type) ?? 0) + 1);
    if (node.severity) severities.set(node.severity, (severities.get(node.severity) ?? 0) + 1);
  }
  for (const name of SEVERITIES) if (severities.has(name)) filterBox(element('severities'), 'severity ' + name, name, severities.get(name));
  for (const name of [...types.keys()].sort()) filterBox(element('types'), 'type ' + name, name, types.get(name));
  element('severities').hidden = !severities.size;
  const depth = element('depth');
  depth.max = deepest;
  depth.addEventListener('input', () => { state.depth = Number(depth.value); state.revealed.clear(); syncFilters(); redraw(); });
  element('depths').hidden = deepest === 0;
  syncFilters();
}

function search() {
  const words = element('search').value.toLowerCase().split(/\s+/).filter(Boolean), box = element('found');
  box.replaceChildren();
  box.hidden = !words.length;
  if (!words.length) return;
  const found = nodes.map((node, at) => at).filter(at => {
    const text = [nodes[at].name, nodes[at].uri, nodes[at].type, ...nodes[at].owners, ...nodes[at].tags].join('\n').toLowerCase();
    return words.every(word => text.includes(word));
  });
  const exact = words.join(' ');
  found.sort((a, b) => (nodes[b].name.toLowerCase() === exact) - (nodes[a].name.toLowerCase() === exact)
    || nodes[a].name.length - nodes[b].name.length || a - b);
  for (const at of found.slice(0, 12)) box.append(make('li', {}, nodeButton(at, nodes[at].severity)));
  const rest = found.length - 12;
  box.append(make('li', {class: 'muted'}, !found.length ? 'nothing on this page' : rest > 0 ? `${rest.toLocaleString('en')} more` : ''));
}
