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

// WhoAmI returns the account that the key belongs to. Its success proves that the key is valid and that the server's
// database works, which empty answers of other endpoints do not. The error is an [*Error]; its kind is NotSignedIn for
// a key that the server does not know.
//
// CoCalc's successor does not allow keys to use user-query; there WhoAmI reads the account's profile. That needs a key
// with the capability account:read; the kind is CapabilityMissing for others.
func (c *Client) WhoAmI(ctx context.Context) (Account, error) {
	account, err := c.queryAccount(ctx)
	if kindOf(err) == KeyNotAllowed {
		return c.readProfile(ctx)
	}
	return account, err
}

// readProfile reads the account's profile from CoCalc's successor. For a wrong or expired key, and for one of the older
// form, the successor returns an empty profile; that is an error of kind NotSignedIn.
func (c *Client) readProfile(ctx context.Context) (Account, error) {
	body, err := c.call(ctx, readOnly, profile, struct{}{})
	if err != nil {
		return Account{}, err
	}
	var answer struct {
		Profile map[string]json.RawMessage `json:"profile"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Profile == nil {
		return Account{}, c.unexpectedAnswer(profile, body, cmp.Or(err, errors.New("it has no profile")))
	}
	if len(answer.Profile) == 0 {
		return Account{}, &Error{
			Op: profile, Outcome: Rejected, Kind: NotSignedIn, Status: 200,
			Text: "the profile is empty: the server does not know the key",
		}
	}
	var id idText
	var email lenientText
	if err := json.Unmarshal(answer.Profile["account_id"], &id); err != nil || id == "" {
		return Account{}, c.unexpectedAnswer(profile, body, cmp.Or(err, errors.New("it doesn't name an account")))
	}
	if raw := answer.Profile["email_address"]; raw != nil {
		_ = email.UnmarshalJSON(raw) // accepts any JSON
	}
	return Account{ID: string(id), Email: string(email)}, nil
}

func (c *Client) queryAccount(ctx context.Context) (Account, error) {
	body, err := c.call(ctx, readOnly, userQuery,
		json.RawMessage(`{"query":{"accounts":{"account_id":null,"email_address":null}}}`))
	if err != nil {
		return Account{}, err
	}
	var answer struct {
		Query struct {
			Accounts struct {
				AccountID idText      `json:"account_id"`
				Email     lenientText `json:"email_address"`
			} `json:"accounts"`
		} `json:"query"`
	}
	err = json.Unmarshal(body, &answer)
	account := Account{ID: string(answer.Query.Accounts.AccountID), Email: string(answer.Query.Accounts.Email)}
	if err == nil && account.ID == "" {
		err = errors.New("it doesn't name an account")
	}
	if err != nil {
		return Account{}, c.unexpectedAnswer(userQuery, body, err)
	}
	return account, nil
}

// Balance returns the credit of the account in cents; it may be negative. The server keeps it as a float of 6 to 7
// digits: it is exact to the cent below 10,000 dollars, and may be off by some cents above.
func (c *Client) Balance(ctx context.Context) (Cents, error) {
	body, err := c.call(ctx, readOnly, getBalance, struct{}{})
	if err != nil {
		return 0, err
	}
	var amount amountJSON
	if err := json.Unmarshal(body, &amount); err != nil || !amount.set {
		return 0, c.unexpectedAnswer(getBalance, body, errors.Join(err, errors.New("it is not an amount")))
	}
	return amount.cents, nil
}
