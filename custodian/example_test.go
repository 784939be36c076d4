package custodian_test

import (
	"context"
	"fmt"
	"log"

	"signet.example/signet/custodian"
)

// A business hands the session over in mid-conversation. What was said before stays closed; the
// provider reads the next two messages, and then the conversation has healed.
func ExampleEvaluate() {
	sc := &custodian.Scenario{
		Protocol:   4,
		Principals: []custodian.Principal{{ID: "acme-cloud", Role: custodian.Provider}},
		Script: []custodian.Step{
			{Send: &custodian.Send{From: custodian.Customer, Text: "Where is my parcel?"}},
			{Send: &custodian.Send{From: custodian.Business, Text: "On its way."}},
			{Send: &custodian.Send{From: custodian.Customer, Text: "When will it be here?"}},
			{Grant: &custodian.Grant{Name: "handover", To: "acme-cloud", Atoms: []string{"session"}, Via: "copy"}},
			{Send: &custodian.Send{From: custodian.Business, Text: "Tomorrow."}},
			{Send: &custodian.Send{From: custodian.Customer, Text: "Thank you."}},
			{Send: &custodian.Send{From: custodian.Business, Text: "You are welcome."}},
		},
	}
	report, err := custodian.Evaluate(context.Background(), sc, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range report.Messages {
		fmt.Println(m.I, m.From, m.ReadableBy)
	}
	for _, id := range []string{"G1", "G2", "G5"} {
		v := report.Find(id, "acme-cloud")
		fmt.Println(id, v.Result(), v.Messages(), "of", v.Of())
	}
	// Output:
	// 0 customer []
	// 1 business []
	// 2 customer []
	// 3 business [acme-cloud]
	// 4 customer [acme-cloud]
	// 5 business []
	// G1 held 0 of 3
	// G2 lost 2 of 3
	// G5 held 2 of 3
}
