package custodian

// A guarantee is a row of custody B4.
type guarantee struct{ id, name string }

var (
	g1  = guarantee{"G1", "confidentiality before the mandate"}
	g2  = guarantee{"G2", "confidentiality while managed"}
	g3  = guarantee{"G3", "confidentiality after the mandate"}
	g4  = guarantee{"G4", "forward secrecy"}
	g5  = guarantee{"G5", "healing"}
	g6  = guarantee{"G6", "authenticity to the customer"}
	g7  = guarantee{"G7", "authenticity to the business"}
	g8  = guarantee{"G8", "persistence of forgery after revocation"}
	g9  = guarantee{"G9", "new-session impersonation"}
	g12 = guarantee{"G12", "post-quantum confidentiality"}
	g13 = guarantee{"G13", "metadata"}
	g16 = guarantee{"G16", "scope limits kept"}
	g17 = guarantee{"G17", "integrity of record"}
)

// A family judges one guarantee for one principal, whose grants span s. It returns false where the
// question does not arise.
type family struct {
	guarantee
	judge func(w *writer, i int, s span) (v Verdict, ok bool)
}

// families are the guarantees that a report speaks about, in the order of its verdicts. Package
// check has the same list.
var families = []family{
	{g1, (*writer).past},
	{g2, (*writer).present},
	{g3, (*writer).future},
	{g4, (*writer).forwardSecrecy},
	{g5, (*writer).healing},
	{g6, (*writer).toCustomer},
	{g7, (*writer).toBusiness},
	{g8, (*writer).late},
	{g9, (*writer).impersonates},
	{g10, (*writer).deniability},
	{g11, (*writer).nonRepudiation},
	{g12, (*writer).postQuantum},
	{g13, (*writer).metadata},
	{g14, (*writer).honesty},
	{g15, (*writer).consent},
	{g16, (*writer).scope},
	{g17, (*writer).record},
}

// verdicts judges every guarantee for one principal.
func (w *writer) verdicts(i int) (list []Verdict) {
	s := w.spanOf(i)
	for _, f := range families {
		if v, ok := f.judge(w, i, s); ok {
			w.finish(&v)
			list = append(list, v)
		}
	}
	return list
}
