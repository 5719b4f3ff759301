// The message box: Enter sends, a slash lists the commands, and the arrow up brings back the messages that were sent.

export function composer(form, as, at, send) {
  const say = form.querySelector('#say');
  const list = form.querySelector('#suggest');
  const draft = 'draft ' + as + ' ' + at, past = 'sent ' + as;
  const remembered = () => JSON.parse(sessionStorage.getItem(past) || '[]');
  let recalled = -1; // index of the message that the arrow has brought back

  const fits = CSS.supports('field-sizing', 'content') ? () => {} : () => {
    say.style.height = 'auto';
    say.style.height = say.scrollHeight + 'px';
  };
  const put = text => {
    say.value = text;
    say.setSelectionRange(text.length, text.length);
    changed();
  };
  const options = () => [...list.querySelectorAll('.command:not([hidden]) [role=option]')];
  const chosen = () => list.hidden ? null : list.querySelector('.command:not([hidden]) [aria-selected=true]');
  const choose = option => {
    for (const o of options()) o.setAttribute('aria-selected', o === option);
    if (option) say.setAttribute('aria-activedescendant', option.id);
    else say.removeAttribute('aria-activedescendant');
  };
  function changed() {
    sessionStorage.setItem(draft, say.value);
    fits();
    const [word] = say.value.split(/\s/), naming = !/\s/.test(say.value);
    for (const command of list.querySelectorAll('.command')) {
      const name = command.dataset.command;
      command.hidden = !(say.value.startsWith('/') && (naming ? name.startsWith(word) : name === word));
    }
    list.hidden = !options().length;
    choose(naming && !list.hidden && say.value !== options()[0]?.dataset.fill.trim() ? options()[0] : null);
  }
  function submit() {
    const text = say.value.trim();
    if (!text) return;
    const all = [...remembered().filter(t => t !== text), text].slice(-50);
    sessionStorage.setItem(past, JSON.stringify(all));
    recalled = -1;
    put('');
    send(text);
  }
  function recall(step) {
    const all = remembered();
    const to = recalled + step;
    if (to >= all.length || to < -1) return false;
    recalled = to;
    put(to < 0 ? '' : all[all.length - 1 - to]);
    list.hidden = true;
    return true;
  }
  say.addEventListener('input', () => { recalled = -1; changed(); });
  say.addEventListener('keydown', e => {
    if (e.isComposing) return;
    const option = chosen();
    if (e.key === 'Enter' && !e.shiftKey) {
      e.preventDefault();
      if (option) put(option.dataset.fill);
      else submit();
    } else if (e.key === 'Tab' && !e.shiftKey && option) {
      e.preventDefault();
      put(option.dataset.fill);
    } else if (e.key === 'Escape') {
      list.hidden = true;
    } else if (e.key === 'ArrowUp' || e.key === 'ArrowDown') {
      const up = e.key === 'ArrowUp';
      if (option) {
        const all = options();
        choose(all[(all.indexOf(option) + (up ? -1 : 1) + all.length) % all.length]);
        e.preventDefault();
      } else if ((!say.value || recalled >= 0) && recall(up ? 1 : -1)) {
        e.preventDefault();
      }
    }
  });
  form.addEventListener('submit', e => { e.preventDefault(); submit(); });
  list.addEventListener('click', e => {
    const fill = e.target.closest('[data-fill]');
    if (!fill) return;
    put(fill.dataset.fill);
    say.focus();
  });
  say.value = sessionStorage.getItem(draft) || '';
  fits();
  // On a phone, the keyboard would cover the messages.
  if (innerWidth > 720) say.focus();
}
