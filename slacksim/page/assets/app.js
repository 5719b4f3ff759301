// Shows the parts of the page that the server sends, and reports the reader's actions. The server renders the page;
// morph.js puts the parts in place.
import {morph, touched} from './morph.js';
import {localize} from './dates.js';
import {composer} from './composer.js';

const {as, at, events} = document.body.dataset;
const $ = id => document.getElementById(id);

async function post(verb, deed) {
  try {
    const response = await fetch('/-/do/' + verb, {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({as, at, ...deed}),
    });
    const answer = response.ok ? await response.json() : {error: await response.text()};
    if (answer.error) toast(answer.error);
    return answer;
  } catch {
    toast('That didn\'t go through: the workspace can\'t be reached.');
    return {};
  }
}

function toast(text) {
  const el = document.createElement('p');
  el.textContent = text;
  $('toasts').append(el);
  setTimeout(() => el.remove(), 6000);
}

// ---- parts from the server

function settle() {
  localize();
  for (const block of document.querySelectorAll('[data-page-size]')) turnTo(block, +block.dataset.page || 0);
  for (const dialog of document.querySelectorAll('dialog.modal')) {
    if (dialog.open) continue;
    dialog.showModal();
    dialog.querySelector('.body :is(input, select, textarea)')?.focus();
  }
}

// A reader at the newest message stays at the newest one, also when the keyboard of a phone opens.
const log = $('log');
let atEnd = true;
const toEnd = () => { if (log && atEnd) log.scrollTop = log.scrollHeight; };
log?.addEventListener('scroll', () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}, {passive: true});
if (log) new ResizeObserver(toEnd).observe(log);

let byKey = false; // whether the last action was by keyboard
document.addEventListener('keydown', () => { byKey = true; }, true);
document.addEventListener('pointerdown', () => { byKey = false; }, true);

function apply({id, html}) {
  const root = $(id);
  if (!root) return;
  const message = document.activeElement?.closest?.('.message');
  morph(root, html);
  settle();
  if (id === 'stage') toEnd();
  // If a button that was pressed by keyboard is removed, the focus goes to its message.
  if (byKey && message?.isConnected && document.activeElement === document.body) {
    message.tabIndex = -1;
    message.focus({preventScroll: true});
  }
  for (const dialog of root.querySelectorAll('dialog.modal[data-submitted]:not([aria-busy])')) {
    dialog.removeAttribute('data-submitted');
    dialog.querySelector('[aria-invalid]')?.focus();
  }
}

// A browser keeps left pages for the back button, and limits the connections to one server. So a page that is not shown
// closes its connection.
let source;
addEventListener('pagehide', () => source.close());
addEventListener('pageshow', e => { if (e.persisted) listen(); });

function listen() {
  source = new EventSource(events);
  source.onopen = () => { $('offline').hidden = true; };
  source.onmessage = e => apply(JSON.parse(e.data));
  source.onerror = () => {
    $('offline').hidden = false;
    // The server answered without events: the person or channel is gone.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 1500);
  };
}

function turnTo(block, page) {
  const size = +block.dataset.pageSize, rows = block.querySelectorAll('tbody tr');
  page = Math.max(0, Math.min(page, +block.dataset.pages - 1));
  block.dataset.page = page;
  rows.forEach((row, i) => { row.hidden = Math.floor(i / size) !== page; });
  const last = Math.min((page + 1) * size, rows.length);
  block.querySelector('.pager span').textContent = `${page * size + 1}–${last} of ${rows.length}`;
  block.querySelector('[data-turn="-1"]').disabled = page === 0;
  block.querySelector('[data-turn="1"]').disabled = page === +block.dataset.pages - 1;
}

// ---- the reader's use of buttons, menus and fields

const dirty = new Set(); // controls with text that is not yet reported
const timers = new WeakMap();
const reported = new WeakMap(); // the values that were reported last
let line = Promise.resolve(); // sends reports one after another

function where(el) {
  const view = el.closest('[data-view]'), message = el.closest('[data-ts]');
  return view ? {view: view.dataset.view} : {at: message.dataset.at, ts: message.dataset.ts};
}

const typed = el => el.matches('.control textarea, .control input[type=text]:not([data-suggest])');

function values(control) {
  if (control.querySelector('[data-suggest]')) {
    return [...control.querySelectorAll('[data-chosen]')].map(c => c.dataset.chosen);
  }
  return [...control.querySelectorAll('select, textarea, input')]
    .filter(f => !/checkbox|radio/.test(f.type) || f.checked)
    .map(f => f.type === 'datetime-local' && f.value ? String(new Date(f.value) / 1000) : f.value)
    .filter(v => v !== '');
}

// report sends the values of a control, or that it was pressed, to the server.
function report(control, verb, what, el) {
  clearTimeout(timers.get(control));
  dirty.delete(control);
  reported.set(control, what);
  const deed = {...where(control), block: control.dataset.blockId, action: control.dataset.actionId, values: what};
  if (el) el.dataset.busy = '';
  const sent = line = line.then(() => post(verb, deed));
  return sent.finally(() => el?.removeAttribute('data-busy'));
}

// flush reports all typed text of a message or view before one of its actions is sent.
function flush(el) {
  const surface = el.closest('[data-view], [data-ts]');
  for (const control of [...dirty]) {
    if (surface.contains(control)) report(control, control.dataset.send === 'typed' ? 'use' : 'keep', values(control));
  }
  return line;
}

// The browser's close event comes later. By then, the dialog may be open again, with a new question.
const asked = new WeakMap();

function confirmed(el) {
  const dialog = el.dataset.ask && $(el.dataset.ask);
  if (!dialog) return Promise.resolve(true);
  const question = {};
  asked.set(dialog, question);
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(done => dialog.addEventListener('close', function closed() {
    const current = asked.get(dialog) === question;
    if (current && dialog.open) return;
    dialog.removeEventListener('close', closed);
    done(current && dialog.returnValue === 'yes');
  }));
}

async function press(el) {
  if ('busy' in el.dataset) return; // the first press is being sent
  const control = el.closest('.control');
  el.closest('details')?.removeAttribute('open');
  if (!await confirmed(el)) return;
  flush(el);
  report(control, 'use', el.dataset.value ? [el.dataset.value] : [], el);
}

async function picked(field) {
  const control = field.closest('.control');
  touched.add(field);
  const now = values(control);
  if (await confirmed(field)) return report(control, control.dataset.send === 'keep' ? 'keep' : 'use', now);
  const chosen = 'option[selected], [checked]';
  const before = reported.get(control) || [...control.querySelectorAll(chosen)].map(o => o.value);
  if (field.type === 'checkbox' || field.type === 'radio') {
    for (const f of control.querySelectorAll('input')) f.checked = before.includes(f.value);
  } else field.value = before[0] ?? field.defaultValue ?? '';
}

document.addEventListener('input', e => {
  const field = e.target, control = field.closest('.control');
  if (field.matches('[data-suggest]')) return suggest(field);
  if (!control || !typed(field)) return;
  touched.add(field);
  dirty.add(control);
  if (control.dataset.send !== 'typed') return;
  clearTimeout(timers.get(control));
  timers.set(control, setTimeout(() => report(control, 'use', values(control)), 300));
});

document.addEventListener('change', e => {
  const field = e.target, control = field.closest('.control');
  if (field.matches('[data-switch]')) return post('switch', {id: field.dataset.switch, on: field.checked});
  if (!control || field.matches('[data-suggest]')) return;
  if (!typed(field)) picked(field);
  else if (dirty.has(control)) report(control, control.dataset.send === 'typed' ? 'use' : 'keep', values(control));
});

document.addEventListener('keydown', e => {
  if (e.key === 'Escape') {
    document.querySelectorAll('details[open].menu, details[open].multi').forEach(d => {
      d.open = false;
      d.querySelector('summary').focus();
      e.preventDefault();
    });
    drawer('');
  }
  const control = e.target.closest?.('.control');
  const sends = control?.dataset.send === 'enter' && e.target.matches('input[type=text]');
  if (e.key === 'Enter' && !e.isComposing && sends) {
    e.preventDefault();
    report(control, 'use', values(control));
  }
});

document.addEventListener('click', e => {
  const el = e.target.closest('button, a, summary, [data-press]');
  for (const menu of document.querySelectorAll('details[open].menu, details[open].multi')) {
    if (!menu.contains(e.target)) menu.open = false;
  }
  if (e.target.id === 'veil') return drawer('');
  if (!el) return;
  const d = el.dataset;
  if ('press' in d) {
    // A link with a confirm dialog opens after the reader has confirmed.
    if (el.href && d.ask) {
      e.preventDefault();
      confirmed(el).then(yes => {
        if (!yes) return;
        open(el.href, '_blank', 'noopener');
        report(el.closest('.control'), 'use', [], el);
      });
    } else press(el);
  } else if ('answer' in d) el.closest('dialog').close(d.answer);
  else if ('close' in d) shut(el.closest('dialog'), d.close === 'all');
  else if ('dismiss' in d) post('dismiss', {id: d.dismiss});
  else if ('drawer' in d) drawer(d.drawer);
  else if ('turn' in d) turnTo(el.closest('[data-page-size]'), +el.closest('[data-page-size]').dataset.page + +d.turn);
  else if ('drop' in d) drop(el);
});

// ---- menus with options from the app

function suggest(field) {
  const list = field.parentElement.querySelector('.options'), control = field.closest('.control');
  clearTimeout(timers.get(field));
  timers.set(field, setTimeout(async () => {
    const {options = []} = await post('suggest', {
      ...where(field), block: control.dataset.blockId, action: control.dataset.actionId, text: field.value,
    });
    list.replaceChildren(...options.map(({value, text}) => {
      const option = Object.assign(document.createElement('button'), {type: 'button', textContent: text});
      option.setAttribute('role', 'option');
      option.addEventListener('click', () => {
        const multi = control.className.includes('multi_');
        const chosen = multi ? [...values(control).filter(v => v !== value), value] : [value];
        Object.assign(field, {value: multi ? '' : text});
        list.hidden = true;
        report(control, control.dataset.send === 'keep' ? 'keep' : 'use', chosen);
      });
      return option;
    }));
    list.hidden = !options.length;
    field.setAttribute('aria-expanded', !list.hidden);
  }, 200));
}

function drop(el) {
  const control = el.closest('.control');
  report(control, control.dataset.send === 'keep' ? 'keep' : 'use', values(control).filter(v => v !== el.dataset.drop));
}

// ---- modals and drawers

function shut(dialog, all) { post('close', {view: dialog.dataset.view, on: all}); }

// Escape closes a modal as its close button does: the server removes it.
document.addEventListener('cancel', e => {
  if (!e.target.matches('dialog.modal')) return;
  e.preventDefault();
  shut(e.target, false);
}, true);

document.addEventListener('submit', async e => {
  const dialog = e.target.closest('dialog.modal');
  if (!dialog) return;
  e.preventDefault();
  const button = dialog.querySelector('[data-submit]');
  if (!button || 'busy' in button.dataset) return;
  button.dataset.busy = '';
  await flush(dialog);
  dialog.dataset.submitted = '';
  await post('submit', {view: dialog.dataset.view});
  button.removeAttribute('data-busy');
});

function drawer(name) {
  const was = document.body.dataset.drawer;
  if ((was || '') === name) return;
  document.body.dataset.drawer = name;
  $('veil').hidden = !name;
  if (name) $(name).querySelector('a, button, input')?.focus();
  else document.querySelector(`.head [data-drawer="${was}"]`)?.focus();
}

document.addEventListener('animationend', e => e.target.removeAttribute?.('data-flash'));

settle();
toEnd();
if ($('composer')) composer($('composer'), as, at, text => { atEnd = true; toEnd(); post('say', {text}); });
if (at === 'home') post('home', {});
listen();
document.body.dataset.ready = '';
