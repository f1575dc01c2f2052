package op

import "testing"

func TestAllIsIndexedByID(t *testing.T) {
	for i, s := range All {
		if s == nil || int(s.ID) != i {
			t.Errorf("All[%d] = %+v", i, s)
		}
	}
}
