package test

import "testing"

// TestCrowdOfAFleet spreads a crowd over three gateways of one cluster: the launched item, and every other, is loaded once
// for all of them, whether the callers that miss it load it or hearth does; and over plain read-aside it is not.
func TestCrowdOfAFleet(t *testing.T) {
	gateways := loadingFleet(t, 3, "collapse=on")
	var grpc, resp []string
	for _, s := range gateways {
		grpc, resp = append(grpc, "--addr", s.Listen), append(resp, "--resp", s.RESP)
	}
	for name, args := range map[string][]string{"gRPC": grpc, "RESP": append(resp, grpc...)} {
		t.Run(name, func(t *testing.T) {
			r, _ := crowd(t, gateways[0], append(args, "-n", "201", "--spread", "300ms", "--keys", "30", "--latency", "400ms")...)
			if len(r.Report.Results) != 4 {
				t.Fatalf("%+v", r)
			}
			for _, one := range r.Report.Results {
				one.check(t)
			}
			if aside := r.Report.Results[1]; aside.LaunchLoads < 2 {
				t.Errorf("plain read-aside loaded the item %d times: what the others do proves nothing", aside.LaunchLoads)
			}
		})
	}
}
