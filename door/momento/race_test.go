//go:build race

package momento

const raceDetector = true
