package main

import (
	"strings"
	"testing"

	"licensebot/slacksim"
	"licensebot/slacksim/page/pagetest"
)

// whoDecides returns the address of the approvals channel for a person.
func whoDecides(who string) string { return "?as=" + who + "&at=" + approvalsChannel }

// reads checks that the page has the texts now.
func reads(t *testing.T, tab *pagetest.Tab, wanted ...string) {
	t.Helper()
	text := tab.Text()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("page: got\n%s\nwant %q in it", text, want)
		}
	}
}

// sold checks how many licenses CoCalc has sold.
func (d *demo) sold(want int) {
	d.t.Helper()
	if got := len(d.sims.account.Licenses()); got != want {
		d.t.Errorf("licenses sold by CoCalc: got %d, want %d", got, want)
	}
}

// approval is the second play of the demo: Alice requests a license with a reason, Bob approves it. Carol, who had
// begun to deny it, reads that it is decided.
func approval(t *testing.T, d *demo) {
	alice := d.open("")
	reads(t, alice, "As Alice, type "+tryAsking, "approves, and buys", "admin, and approves", "guest, can't buy")
	alice.Send(tryAsking)
	alice.WaitText("This order needs approval")
	alice.Click("Request approval ($2,550.00)")
	alice.WaitText("40 projects at once\n$2,550.00 once it's approved")
	alice.Click("Request approval")
	alice.WaitText("Tell the approvers why you need it.")
	alice.Click("Request approval")
	alice.WaitText("Please complete this required field.")
	alice.Fill("Reason", "winter school, 40 people")
	alice.Click("Request approval")
	alice.WaitText("Waiting for approval: a license for $2,550.00 a month")
	reads(t, alice, "The approvers decide in #license-approvals", "Your reason: winter school, 40 people")
	alice.Until("Bob to be called", "[...document.querySelectorAll('.person')].some(p => "+
		"p.innerText.startsWith('BB\\nBob Brandt') && p.querySelector('.badge'))")

	bob, carol := d.open(whoDecides(slacksim.Bob)), d.open(whoDecides(slacksim.Carol))
	bob.WaitText("@Alice Amsel requests a CoCalc license for $2,550.00 a month")
	reads(t, bob, "Reason: winter school, 40 people", "$30,600.00 if it keeps renewing",
		"$2,550.00 reserved (including this order)", "$197,450.00 of $200,000.00 left")
	d.picture(bob, "approval-ask.png")
	carol.Click("Deny")
	carol.Fill("Reason", "we have one already")

	bob.Click("Approve")
	bob.WaitText("40 projects at once\n$2,550.00 now.")
	bob.Click("Approve")
	bob.WaitText("Bought for $2,550.00. License")
	reads(t, bob, "@Bob Brandt approved, ")
	if bob.Has("Approve") || bob.Has("Deny") {
		t.Error("got buttons for Bob after the decision, want none")
	}
	d.picture(bob, "approved.png")

	alice.WaitText("Bought for $2,550.00: 16 GB RAM · 2 cores · 10 GB disk · 40 projects at once")
	reads(t, alice, "approved by @Bob Brandt")
	if n := pagetest.Eval[int](alice, "document.querySelectorAll('.only-you').length"); n != 1 {
		t.Errorf("messages that only Alice sees: got %d, want 1", n)
	}

	carol.Click("Deny")
	carol.WaitText("This order was already decided: bob approved it on")
	carol.Click("Cancel")
	carol.WaitNoText("Denying closes the order")
	d.sold(1)
}

// denial is the third play: Bob denies the order, and Alice reads the reason, also after the page was loaded again.
func denial(t *testing.T, d *demo) {
	alice, bob := d.open(""), d.open(whoDecides(slacksim.Bob))
	alice.Send(tryAsking + ` reason="winter school, 40 people" title="Statistics 101"`)
	alice.Click("Request approval ($2,550.00)")
	alice.Click("Request approval")
	alice.WaitText("Waiting for approval")
	bob.WaitText("Title: Statistics 101")
	d.pictureOnPhone(bob, "approver-phone.png")
	bob.Click("Deny")
	bob.WaitText("@Alice Amsel requests a license for $2,550.00 a month")
	bob.Click("Deny")
	bob.WaitText("Please complete this required field.")
	bob.Fill("Reason", "There is one from last year, and hardly anybody uses it.")
	d.picture(bob, "denial-reason.png")
	bob.Click("Deny")
	bob.WaitText("@Bob Brandt denied it, ")
	if reads(t, bob, "Reason for denying: There is one from last year"); bob.Has("Approve") {
		t.Error("got buttons for Bob after the decision, want none")
	}

	alice.WaitText("Denied. Nothing was charged.")
	reads(t, alice, "Title: Statistics 101")
	reads(t, alice, "@Bob Brandt denied it, ",
		"Reason for denying: There is one from last year, and hardly anybody uses it.")
	d.picture(alice, "denied.png")
	alice.Visit("licensebot")
	alice.WaitText("Reason for denying: There is one from last year")
	alice.Click("Order again")
	alice.WaitText("A CoCalc license for $2,550.00 a month")
	d.sold(0)
}

// pause is the fourth play: Carol pauses all buying, every refusal names her and the reason, and she resumes buying.
// Olga is a guest, and takes no part.
func pause(t *testing.T, d *demo) {
	alice, other := d.open(""), d.open("?as="+slacksim.Carol)
	alice.Send(tryBuying)
	alice.WaitText("A CoCalc license for $63.75 a month")
	other.Send(tryPausing)
	other.WaitText("Buying is paused. Payments already in progress")
	alice.Click("Buy for $63.75")
	alice.Click("Buy for $63.75")
	alice.WaitText("@Carol Conti paused it ")
	reads(t, alice, "Buying is paused.", "month-end close")
	d.picture(alice, "paused.png")
	d.sold(0)

	other.As("Bob Brandt")
	other.Send("/license resume")
	other.WaitText("Only admins can do that")
	other.As("Olga Oster")
	other.Send(tryBuying)
	other.WaitText("Guests can't buy or approve licenses. Ask a member of this workspace.")
	d.picture(other, "refused.png")
	other.As("Carol Conti")
	other.Send("/license resume the books are closed")
	other.WaitText("Buying is back on")
	alice.Click("Buy for $63.75")
	alice.Click("Buy for $63.75")
	alice.WaitText("Bought for $63.75")
	d.sold(1)
}
