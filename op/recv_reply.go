package op

import "github.com/hearthcache/hearth/respwire"

// recvReply reads an answer of any shape: a number into Int, a string into the value, the elements of an array into
// parts. Null is a Miss, a string or an array a Hit, and a number Done.
func recvReply(v respwire.Value, r *Reply) error {
	switch v.Type {
	case '-', '!':
		return serverError(v)
	case ':', '#':
		r.Int = v.Int
	case ',':
		r.Num = v.Num
	case '*', '~', '%':
		r.Status = Hit
		for _, e := range v.Array {
			if err := recvPart(e, r); err != nil {
				return err
			}
		}
	default:
		if v.Null {
			r.Status = Miss
			return nil
		}
		r.SetValue(v.Str)
		r.Status = Hit
	}
	return nil
}

// recvPart reads one element of an array: a pair of a value and its score is one part.
func recvPart(v respwire.Value, r *Reply) error {
	switch {
	case v.IsError():
		return serverError(v)
	case v.Null:
		r.AddMiss()
	case v.Type == ':':
		r.AddNum(float64(v.Int))
	case v.Type == ',':
		r.AddNum(v.Num)
	case v.Type == '*' && len(v.Array) == 2 && v.Array[1].Type == ',':
		r.AddPart(v.Array[0].Str, v.Array[1].Num)
	case v.Type == '*':
		for _, e := range v.Array {
			if err := recvPart(e, r); err != nil {
				return err
			}
		}
	default:
		r.AddPart(v.Str, 0)
	}
	return nil
}
