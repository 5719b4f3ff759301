package pagetest

import (
	"context"
	"fmt"

	"github.com/chromedp/chromedp"
)

// find is JavaScript that all actions share. scope is the topmost dialog, or the page. Of several elements with the
// same text, it finds the last one: that of the newest message.
const find = `
const shown = el => el.checkVisibility({visibilityProperty: true, opacityProperty: false});
const scope = () => [...document.querySelectorAll('dialog[open]')].pop() || document.body;
const clean = s => (s || '').replace(/\s+/g, ' ').trim();
const named = (selector, text) => [...scope().querySelectorAll(selector)].filter(el => shown(el) && !el.disabled &&
	[el.innerText, el.getAttribute('aria-label'), el.innerText.split('\n')[0]].some(s => clean(s) === text)).pop();
const field = label => {
	const text = el => clean(el.innerText).replace(/ \(optional\)$/, '');
	const l = [...scope().querySelectorAll('.label')].filter(el => shown(el) && text(el) === label).pop();
	if (l) return l.parentElement.querySelector('.control');
	const own = [...scope().querySelectorAll('.control [aria-label]')]
		.filter(el => shown(el) && el.getAttribute('aria-label') === label).pop();
	return own && own.closest('.control');
};
const center = el => {
	el.scrollIntoView({block: 'nearest', inline: 'nearest'});
	const r = el.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
	const hit = document.elementFromPoint(x, y);
	return hit && (el.contains(hit) || hit.contains(el) && hit.tagName === 'LABEL') ? [x, y] : null;
};
`

// point waits until expression is an element that can be clicked, and returns its center.
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

// Click clicks the button, link, menu entry or option with this text. If a dialog is open, it looks in the topmost one
// only. Of several, it clicks the last one on the page: that of the newest message.
func (t *Tab) Click(text string) {
	t.tb.Helper()
	t.click(fmt.Sprintf("%q to click", text), "named("+pressable+", "+quote(text)+")")
}

// Has reports whether Click would find an element with this text now. It doesn't wait.
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

// Keys types text into the element with the focus.
func (t *Tab) Keys(text string) {
	t.tb.Helper()
	t.run("type "+text, chromedp.KeyEvent(text))
}

// Send types text into the message box and presses Enter.
func (t *Tab) Send(text string) {
	t.tb.Helper()
	t.Type(text)
	// While the list of commands is open, it would receive Enter.
	t.Press("Escape")
	t.Press("Enter")
	t.Until("the message box to be empty", "document.getElementById('say').value === ''")
}

// Draft returns the text in the message box.
func (t *Tab) Draft() string {
	t.tb.Helper()
	return Eval[string](t, "document.getElementById('say').value")
}

// Fill replaces the text of the field with this label, and leaves the field. Dates have the form 2027-01-31.
func (t *Tab) Fill(label, text string) {
	t.tb.Helper()
	what := fmt.Sprintf("the field %q", label)
	t.click(what, "field("+quote(label)+")?.querySelector('input, textarea')")
	// How dates and times are typed depends on the language of the browser.
	if Eval[bool](t, "/^(date|time|datetime-local)$/.test(document.activeElement.type)") {
		t.do("(f => { f.value = " + quote(text) + `; f.dispatchEvent(new Event('change', {bubbles: true})); f.blur() })
			(document.activeElement)`)
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

// Choose chooses an option, by its text, in the menu with this label or placeholder.
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

// Value returns the text, or the text of the chosen option, of the field with this label.
func (t *Tab) Value(label string) string {
	t.tb.Helper()
	return Eval[string](t, "(() => {"+find+`const f = field(`+quote(label)+`)?.querySelector('input, textarea, select');
		return f ? f.tagName === 'SELECT' ? clean(f.selectedOptions[0]?.text) : f.value : ''})()`)
}

// WaitValue waits until Value of the field with this label is text.
func (t *Tab) WaitValue(label, text string) {
	t.tb.Helper()
	t.Until(fmt.Sprintf("%q to hold %q", label, text), "(() => {"+find+`
		const f = field(`+quote(label)+`)?.querySelector('input, textarea, select');
		return f && (f.tagName === 'SELECT' ? clean(f.selectedOptions[0]?.text) : f.value) === `+quote(text)+`})()`)
}

// As makes the reader another person, by the name in the list of people.
func (t *Tab) As(name string) {
	t.tb.Helper()
	t.follow(
		fmt.Sprintf("the person %q", name),
		`[...document.querySelectorAll('.person')]
			.find(a => clean(a.querySelector('.name').firstChild.textContent) === `+quote(name)+`)`,
	)
}

// Visit opens a channel (by its name, without #) or the app's messages (by the app's name).
func (t *Tab) Visit(name string) {
	t.tb.Helper()
	t.follow(
		fmt.Sprintf("the channel %q", name),
		`[...document.querySelectorAll('.place')].find(a => clean(a.querySelector('.name').textContent) === `+quote(name)+`)`,
	)
}

// Home opens the app's Home tab. The app's messages must be open.
func (t *Tab) Home() {
	t.tb.Helper()
	t.follow("the Home tab", `[...document.querySelectorAll('.tabs a')].find(a => clean(a.innerText) === 'Home')`)
}

// follow clicks a link of the page, and waits for the page to which it leads. On a narrow screen, it first opens the
// list of channels if the link is there.
func (t *Tab) follow(what, expression string) {
	t.tb.Helper()
	if Eval[bool](t, "(() => {"+find+"const el = "+expression+"; return !!el && !shown(el)})()") {
		t.click("the list of channels", `document.querySelector('.head [data-drawer=sidebar]')`)
	}
	t.do("window.left = true")
	t.click(what, expression)
	t.Until(what, "!window.left && document.body && 'ready' in document.body.dataset")
}

// Turn turns the panel's switch with this title on, or off if it is on.
func (t *Tab) Turn(title string) {
	t.tb.Helper()
	t.click(fmt.Sprintf("the switch %q", title), `[...document.querySelectorAll('.switch')]
		.find(l => clean(l.querySelector('strong').innerText) === `+quote(title)+`)?.querySelector('input')`)
}
