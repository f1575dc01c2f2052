package main

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// From linux/prctl.h, linux/resource.h and linux/sched.h.
const (
	setTimerSlack = 29
	ofThread      = 1
	classFIFO     = 1
)

// pin gives the goroutine a thread of its own, whose sleeps end when they should. What it returns notes the thread's
// processor time.
func pin(processor *time.Duration) func() {
	runtime.LockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
	return func() {
		var u syscall.Rusage
		_ = syscall.Getrusage(ofThread, &u)
		*processor = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
}

// yield gives this thread the lowest priority of its class: the ordinary one, or real time where the program was started in that.
func yield() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), lowestNice)
	if class, _, _ := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0); class == classFIFO {
		lowest := int32(1)
		_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, class, uintptr(unsafe.Pointer(&lowest)))
	}
}

const lowestNice = 19

// sleepUntil sleeps in the kernel: Go's timers may be a millisecond late.
func sleepUntil(t time.Time) {
	for {
		left := time.Until(t)
		if left <= 0 {
			return
		}
		ts := syscall.NsecToTimespec(int64(left))
		_ = syscall.Nanosleep(&ts, nil)
	}
}
