package cocalc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
)

const (
	userQuery  = "user-query"
	profile    = "accounts/profile"
	getBalance = "purchases/get-balance"
)

// WhoAmI says whose key this is. Its success proves that the key is valid and the server's database is there, which
// empty answers of other endpoints do not.
//
// CoCalc's successor lets no key use user-query; there the account's profile answers. It takes only keys with the
// capability account:read: CapabilityMissing otherwise.
func (c *Client) WhoAmI(ctx context.Context) (Account, error) {
	account, err := c.queryAccount(ctx)
	if kindOf(err) == KeyNotAllowed {
		return c.readProfile(ctx)
	}
	return account, err
}

// readProfile asks the successor whose key this is. Its answer to a wrong key, an expired one and one of the older form
// is an empty profile, which is an error of kind NotSignedIn.
func (c *Client) readProfile(ctx context.Context) (Account, error) {
	body, err := c.call(ctx, reads, profile, struct{}{})
	if err != nil {
		return Account{}, err
	}
	var answer struct {
		Profile map[string]json.RawMessage `json:"profile"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Profile == nil {
		return Account{}, c.misread(profile, body, cmp.Or(err, errors.New("it has no profile")))
	}
	if len(answer.Profile) == 0 {
		return Account{}, &Error{Op: profile, Outcome: Rejected, Kind: NotSignedIn, Status: 200, Text: "the profile is empty: the server does not know the key"}
	}
	var id idText
	var email looseText
	if err := json.Unmarshal(answer.Profile["account_id"], &id); err != nil || id == "" {
		return Account{}, c.misread(profile, body, cmp.Or(err, errors.New("it doesn't name an account")))
	}
	if raw := answer.Profile["email_address"]; raw != nil {
		_ = email.UnmarshalJSON(raw) // takes anything
	}
	return Account{ID: string(id), Email: string(email)}, nil
}

func (c *Client) queryAccount(ctx context.Context) (Account, error) {
	body, err := c.call(ctx, reads, userQuery, json.RawMessage(`{"query":{"accounts":{"account_id":null,"email_address":null}}}`))
	if err != nil {
		return Account{}, err
	}
	var answer struct {
		Query struct {
			Accounts struct {
				AccountID idText    `json:"account_id"`
				Email     looseText `json:"email_address"`
			} `json:"accounts"`
		} `json:"query"`
	}
	err = json.Unmarshal(body, &answer)
	account := Account{ID: string(answer.Query.Accounts.AccountID), Email: string(answer.Query.Accounts.Email)}
	if err == nil && account.ID == "" {
		err = errors.New("it doesn't name an account")
	}
	if err != nil {
		return Account{}, c.misread(userQuery, body, err)
	}
	return account, nil
}

// Balance is the credit of the account. The server keeps it as a float of 6 to 7 digits: below 10,000 dollars it is right
// to the cent, above it may be off by some.
func (c *Client) Balance(ctx context.Context) (Cents, error) {
	body, err := c.call(ctx, reads, getBalance, struct{}{})
	if err != nil {
		return 0, err
	}
	var amount amountJSON
	if err := json.Unmarshal(body, &amount); err != nil || !amount.set {
		return 0, c.misread(getBalance, body, errors.Join(err, errors.New("it is not an amount")))
	}
	return amount.cents, nil
}
