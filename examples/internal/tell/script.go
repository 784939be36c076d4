package tell

import "signet.example/signet/custodian"

// Customer is a message of the customer's.
func Customer(text string) custodian.Step {
	return custodian.Step{Send: &custodian.Send{From: custodian.Customer, Text: text}}
}

// Shop is a message of the business's.
func Shop(text string) custodian.Step {
	return custodian.Step{Send: &custodian.Send{From: custodian.Business, Text: text}}
}

// Later holds a message back: it is delivered, or lost, by a step of its own.
func Later(s custodian.Step) custodian.Step {
	send := *s.Send
	send.Hold = true
	return custodian.Step{Send: &send}
}

// Grant hands over secrets of the business's.
func Grant(name, to, via string, atoms ...string) custodian.Step {
	return custodian.Step{Grant: &custodian.Grant{Name: name, To: to, Via: via, Atoms: atoms}}
}

// Inject is a provider's attempt to write to the customer in the shop's name.
func Inject(by, text string) custodian.Step {
	return custodian.Step{Inject: &custodian.Inject{By: by, As: custodian.Business, To: custodian.Customer, Text: text}}
}

// Scenario is a conversation under the current protocol, with a provider and an operator.
func Scenario(provider, operator string, script ...custodian.Step) *custodian.Scenario {
	return &custodian.Scenario{
		Protocol: 4,
		Seed:     2021,
		Principals: []custodian.Principal{
			{ID: provider, Role: custodian.Provider},
			{ID: operator, Role: custodian.Operator},
		},
		Script: script,
	}
}

// The provider and the platform of most examples.
const (
	Provider = "Cloudstall"
	Platform = "platform"
)

// Say is a statement of who holds what.
func Say(s custodian.Statement) custodian.Step { return custodian.Step{Notice: &s} }
