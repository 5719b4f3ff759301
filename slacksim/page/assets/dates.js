// Shows times in the reader's time zone and language, with Slack's format tokens.

const part = options => date => new Intl.DateTimeFormat(undefined, options).format(date);
const full = part({year: 'numeric', month: 'long', day: 'numeric'});
const short = part({year: 'numeric', month: 'short', day: 'numeric'});
const long = part({weekday: 'long', year: 'numeric', month: 'long', day: 'numeric'});
const dayOf = date => Math.floor((date - date.getTimezoneOffset() * 60000) / 86400000);

// pretty returns today, yesterday or tomorrow for these dates.
const pretty = otherwise => date => {
  const away = dayOf(date) - dayOf(new Date());
  if (Math.abs(away) > 1) return otherwise(date);
  return new Intl.RelativeTimeFormat(undefined, {numeric: 'auto'}).format(away, 'day');
};

function ago(date) {
  const seconds = (date - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(undefined, {numeric: 'auto'});
  for (const [unit, size] of [['year', 31557600], ['month', 2629800], ['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return format.format(Math.round(seconds), 'second');
}

const tokens = {
  date_num: d => [d.getFullYear(), d.getMonth() + 1, d.getDate()].map(n => String(n).padStart(2, '0')).join('-'),
  date_slash: part({year: 'numeric', month: '2-digit', day: '2-digit'}),
  date: full, date_short: short, date_long: long, date_long_full: full,
  date_pretty: pretty(full), date_short_pretty: pretty(short), date_long_pretty: pretty(long),
  day_divider_pretty: pretty(long),
  time: part({hour: 'numeric', minute: '2-digit'}),
  time_secs: part({hour: 'numeric', minute: '2-digit', second: '2-digit'}),
  ago,
};

function written(format, date) {
  const text = format.replace(/\{(\w+)\}/g, (all, name) => tokens[name] ? tokens[name](date) : all);
  // At the start of a sentence, a date begins with a capital letter: Today at 3:05 PM.
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function localize() {
  for (const el of document.querySelectorAll('time[data-format]')) {
    const date = new Date(el.dataset.epoch * 1000);
    const text = written(el.dataset.format, date);
    if (el.textContent !== text) el.textContent = text;
    el.dateTime = date.toISOString();
    el.title = el.dataset.hover ? written(el.dataset.hover, date) : long(date) + ', ' + tokens.time(date);
  }
  let day;
  for (const el of document.querySelectorAll('.message')) {
    const own = written('{day_divider_pretty}', new Date(el.dataset.epoch * 1000));
    if (own !== day) el.dataset.day = own;
    else delete el.dataset.day;
    day = own;
  }
  for (const el of document.querySelectorAll('[data-local]:not([data-local=""])')) {
    const date = new Date(el.dataset.local * 1000);
    el.value = new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    el.dataset.local = '';
  }
}
