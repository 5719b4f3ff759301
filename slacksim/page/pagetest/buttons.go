package pagetest

import (
	"context"
	"fmt"

	"github.com/chromedp/chromedp"
)

// Button is a button or a menu entry in a message, a modal or the Home tab.
type Button struct {
	On     string `json:"on"`     // the message's ts, or the id of the modal or Home tab
	Action string `json:"action"` // its action_id
	Value  string `json:"value"`  // of a menu's entry
	Label  string `json:"label"`
	Link   bool   `json:"link"` // it also leads to another site
}

const pressed = find + `
const label = el => clean(el.getAttribute('aria-label') || el.innerText.split('\n')[0]);
const surface = el => (e => e?.dataset.ts ?? e?.dataset.view ?? '')(el.closest('[data-ts], [data-view]'));
const buttons = () => [...scope().querySelectorAll('[data-press]')]
	.filter(el => shown(el) && !('busy' in el.dataset))
	.map(el => ({
		el, on: surface(el), action: el.closest('.control').dataset.actionId, value: el.dataset.value ?? '',
		label: label(el), link: !!el.href,
	}));
const wanted = (on, action, value, text) => buttons()
	.filter(b => b.on === on && b.action === action && b.value === value && b.label === text).pop()?.el;
`

// Buttons returns the buttons that the reader can press now, in order. If a dialog is open, they are those of the
// topmost one.
func (t *Tab) Buttons() []Button {
	t.tb.Helper()
	return Eval[[]Button](t, "(() => {"+pressed+"return buttons().map(({el, ...b}) => b)})()")
}

// PressButton presses b, and confirms its dialog if it has one. It returns false if b is gone. It presses links without
// following them.
func (t *Tab) PressButton(b Button) bool {
	t.tb.Helper()
	what := fmt.Sprintf("the button %q (%s)", b.Label, b.Action)
	element := "wanted(" + quote(b.On) + ", " + quote(b.Action) + ", " + quote(b.Value) + ", " + quote(b.Label) + ")"
	if b.Link {
		t.do("addEventListener('click', e => e.preventDefault(), {capture: true, once: true})")
	}
	did := ""
	t.poll(what, func(ctx context.Context) (ok bool, err error) {
		// In one step, so that it presses what is at this place now, also on a page that moves.
		did, err = chromedp.Run(ctx, chromedp.Evaluate[string]("(() => {"+pressed+"const el = "+element+`;
			if (!el) return 'gone';
			if (!center(el)) return '';
			el.click();
			return el.dataset.ask ? 'asks' : 'pressed'})()`))
		return did != "", err
	})
	if did == "asks" {
		t.click("yes to "+what, "document.querySelector('dialog.ask[open] [data-answer=yes]')")
	}
	return did != "gone"
}

// CloseModals closes all open modals, one after another, with their close buttons.
func (t *Tab) CloseModals() {
	t.tb.Helper()
	const open = "document.querySelectorAll('dialog.modal[open]').length"
	for n := Eval[int](t, open); n > 0; n = Eval[int](t, open) {
		t.click(
			"the button that closes the form",
			"[...document.querySelectorAll('dialog.modal[open]')].pop()?.querySelector('[data-close=one]')",
		)
		t.Until("the form to close", fmt.Sprintf("%s < %d", open, n))
	}
}
