package pagetest

import (
	"context"
	"fmt"

	"github.com/chromedp/chromedp"
)

// find is JavaScript that the verbs share. scope is the dialog on top, or the page. On
// a page with several elements of the same text the last is meant: the newest message's.
const find = `
const shown = el => el.checkVisibility({visibilityProperty: true, opacityProperty: false});
const scope = () => [...document.querySelectorAll('dialog[open]')].pop() || document.body;
const clean = s => (s || '').replace(/\s+/g, ' ').trim();
const named = (selector, text) => [...scope().querySelectorAll(selector)].filter(el => shown(el) && !el.disabled &&
	[el.innerText, el.getAttribute('aria-label'), el.innerText.split('\n')[0]].some(s => clean(s) === text)).pop();
const field = label => {
	const l = [...scope().querySelectorAll('.label')].filter(el => shown(el) && clean(el.innerText).replace(/ \(optional\)$/, '') === label).pop();
	if (l) return l.parentElement.querySelector('.control');
	const own = [...scope().querySelectorAll('.control [aria-label]')].filter(el => shown(el) && el.getAttribute('aria-label') === label).pop();
	return own && own.closest('.control');
};
const center = el => {
	el.scrollIntoView({block: 'nearest', inline: 'nearest'});
	const r = el.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
	const hit = document.elementFromPoint(x, y);
	return hit && (el.contains(hit) || hit.contains(el) && hit.tagName === 'LABEL') ? [x, y] : null;
};
`

// point waits until expression is an element that can be clicked, and returns its middle.
func (t *Tab) point(what, expression string) (x, y float64) {
	t.tb.Helper()
	js := "(() => {" + find + "const el = " + expression + "; return el ? center(el) : null })()"
	t.poll(what, func(ctx context.Context) (bool, error) {
		at, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](js))
		if err != nil || len(at) != 2 {
			return false, err
		}
		x, y = at[0], at[1]
		return true, nil
	})
	return x, y
}

func (t *Tab) click(what, expression string) {
	t.tb.Helper()
	x, y := t.point(what, expression)
	t.run("click "+what, chromedp.MouseClickXY(x, y))
}

const pressable = `'button, a, summary, label, [role=option], [role=menuitem]'`

// Click clicks the button, link, menu entry or option that reads text. If a dialog is
// open only what is in it counts; of several the last on the page, which is the newest
// message's.
func (t *Tab) Click(text string) {
	t.tb.Helper()
	t.click(fmt.Sprintf("%q to click", text), "named("+pressable+", "+quote(text)+")")
}

// Has says whether there is something to click that reads text, at this moment.
func (t *Tab) Has(text string) bool {
	t.tb.Helper()
	return Eval[bool](t, "(() => {"+find+"return !!named("+pressable+", "+quote(text)+")})()")
}

// Type types text into the message box, key by key, without sending it.
func (t *Tab) Type(text string) {
	t.tb.Helper()
	t.click("the message box", "document.getElementById('say')")
	t.run("type "+text, chromedp.KeyEvent(text))
}

// Keys types text wherever the focus is.
func (t *Tab) Keys(text string) {
	t.tb.Helper()
	t.run("type "+text, chromedp.KeyEvent(text))
}

// Send types text into the message box and presses Enter.
func (t *Tab) Send(text string) {
	t.tb.Helper()
	t.Type(text)
	// The list of commands would take Enter for itself while a name is being typed.
	t.Press("Escape")
	t.Press("Enter")
	t.Until("the message box to be empty", "document.getElementById('say').value === ''")
}

// Draft is what stands in the message box.
func (t *Tab) Draft() string {
	t.tb.Helper()
	return Eval[string](t, "document.getElementById('say').value")
}

// Fill types text into the field with this label, replacing what it holds, and leaves the
// field. Dates are given as 2027-01-31.
func (t *Tab) Fill(label, text string) {
	t.tb.Helper()
	what := fmt.Sprintf("the field %q", label)
	t.click(what, "field("+quote(label)+")?.querySelector('input, textarea')")
	if Eval[bool](t, "/^(date|time|datetime-local)$/.test(document.activeElement.type)") { // how these are typed depends on the language
		t.do("(f => { f.value = " + quote(text) + "; f.dispatchEvent(new Event('change', {bubbles: true})); f.blur() })(document.activeElement)")
		return
	}
	t.do("document.activeElement.select()")
	if text == "" {
		t.run("empty "+what, chromedp.KeyEvent("\b"))
	} else {
		t.run("fill "+what, chromedp.KeyEvent(text))
	}
	t.Press("Tab")
}

// Choose picks the option that reads option in the menu with this label (its placeholder,
// if it has no label).
func (t *Tab) Choose(label, option string) {
	t.tb.Helper()
	t.Until(fmt.Sprintf("the option %q of %q", option, label), "(() => {"+find+`
		const select = field(`+quote(label)+`)?.querySelector('select');
		const wanted = select && [...select.options].find(o => clean(o.text) === `+quote(option)+`);
		if (!wanted) return false;
		select.focus();
		select.value = wanted.value;
		select.dispatchEvent(new Event('change', {bubbles: true}));
		return true})()`)
}

// Value is what the field with this label holds: the text, or the option chosen.
func (t *Tab) Value(label string) string {
	t.tb.Helper()
	return Eval[string](t, "(() => {"+find+`const f = field(`+quote(label)+`)?.querySelector('input, textarea, select');
		return f ? f.tagName === 'SELECT' ? clean(f.selectedOptions[0]?.text) : f.value : ''})()`)
}

// WaitValue waits until the field with this label holds text, or shows it as its option.
func (t *Tab) WaitValue(label, text string) {
	t.tb.Helper()
	t.Until(fmt.Sprintf("%q to hold %q", label, text), "(() => {"+find+`const f = field(`+quote(label)+`)?.querySelector('input, textarea, select');
		return f && (f.tagName === 'SELECT' ? clean(f.selectedOptions[0]?.text) : f.value) === `+quote(text)+`})()`)
}

// As makes the reader somebody else, by the name in the list of people.
func (t *Tab) As(name string) {
	t.tb.Helper()
	t.follow(fmt.Sprintf("the person %q", name), `[...document.querySelectorAll('.person')].find(a => clean(a.querySelector('.name').firstChild.textContent) === `+quote(name)+`)`)
}

// Visit opens a channel (by its name, without #) or the app's messages (by the app's name).
func (t *Tab) Visit(name string) {
	t.tb.Helper()
	t.follow(fmt.Sprintf("the channel %q", name), `[...document.querySelectorAll('.place')].find(a => clean(a.querySelector('.name').textContent) === `+quote(name)+`)`)
}

// Home opens the app's Home tab; the app's messages must be open.
func (t *Tab) Home() {
	t.tb.Helper()
	t.follow("the Home tab", `[...document.querySelectorAll('.tabs a')].find(a => clean(a.innerText) === 'Home')`)
}

// follow clicks a link within the page and waits for the page it leads to. On a narrow
// screen the list of channels is opened first, if the link is in it.
func (t *Tab) follow(what, expression string) {
	t.tb.Helper()
	if Eval[bool](t, "(() => {"+find+"const el = "+expression+"; return !!el && !shown(el)})()") {
		t.click("the list of channels", `document.querySelector('.head [data-drawer=sidebar]')`)
	}
	t.do("window.left = true")
	t.click(what, expression)
	t.Until(what, "!window.left && document.body && 'ready' in document.body.dataset")
}

// Turn flips the switch of the panel with this title.
func (t *Tab) Turn(title string) {
	t.tb.Helper()
	t.click(fmt.Sprintf("the switch %q", title), `[...document.querySelectorAll('.switch')].find(l => clean(l.querySelector('strong').innerText) === `+quote(title)+`)?.querySelector('input')`)
}
