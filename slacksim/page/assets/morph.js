// Makes a part of the page equal to the one from the server. It keeps every node that is still there, and so the focus,
// the selection, the scroll position and the text that the reader is typing.

// A value that the reader has changed stays until the field is removed.
export const touched = new WeakSet();

// Attributes that the script sets, and that the server never sends.
const own = new Set(['open', 'data-busy', 'data-page', 'data-day', 'data-flash', 'data-submitted', 'tabindex']);

export function morph(root, html) {
  const next = document.createElement('template');
  next.innerHTML = html;
  children(root, next.content);
}

const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || '') === (b.id || '');

function children(old, next) {
  const byID = new Map();
  for (const child of old.children) if (child.id) byID.set(child.id, child);
  const wanted = new Set();
  for (const child of next.children) if (child.id) wanted.add(child.id);
  let at = old.firstChild;
  for (const fresh of [...next.childNodes]) {
    // A node that is gone is removed, so that the following ones keep their places.
    while (at && at.id && !wanted.has(at.id)) at = remove(at);
    const known = fresh.id && byID.get(fresh.id);
    if (known && same(known, fresh)) {
      if (known === at) at = at.nextSibling;
      else old.insertBefore(known, at);
      node(known, fresh);
    } else if (at && !at.id && !fresh.id && same(at, fresh)) {
      node(at, fresh);
      at = at.nextSibling;
    } else {
      old.insertBefore(fresh, at);
    }
  }
  while (at) at = remove(at);
}

function remove(node) {
  const next = node.nextSibling;
  // Closing it first returns the focus to the element that had it before the dialog.
  if (node.nodeName === 'DIALOG' && node.open) node.close();
  node.remove();
  return next;
}

function node(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  if (old.hasAttribute('data-owned')) return;
  if (old.classList.contains('message') && old.dataset.rev !== next.dataset.rev) old.dataset.flash = '';
  for (const {name, value} of [...next.attributes]) {
    if (!own.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const {name} of [...old.attributes]) {
    if (!own.has(name) && !next.hasAttribute(name)) old.removeAttribute(name);
  }
  if (old.nodeName !== 'TEXTAREA') children(old, next);
  if (touched.has(old)) return;
  if (old.nodeName === 'INPUT' && old.checked !== next.checked) old.checked = next.checked;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(old.nodeName) && old.value !== next.value) old.value = next.value;
}
