package killtest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// classes are the system calls that can fail, by what they do.
var classes = map[uint64]string{
	unix.SYS_FDATASYNC: "fsync", unix.SYS_FSYNC: "fsync", unix.SYS_PWRITE64: "pwrite", unix.SYS_FTRUNCATE: "ftruncate",
	unix.SYS_RENAME: "rename", unix.SYS_RENAMEAT: "rename", unix.SYS_RENAMEAT2: "rename", unix.SYS_LINKAT: "rename",
}

// traceable returns an error where the system does not let a program trace another.
func traceable() error {
	cmd := exec.Command(program, "version")
	wait, err := trace(cmd, &badCall{})
	if err != nil {
		return err
	}
	return wait()
}

// trace starts a program with one of its system calls on the ledger's files failing, and returns a function that waits
// for its end. strace could make a call fail too, but it counts the calls of each thread separately, and Go chooses the
// thread.
func trace(cmd *exec.Cmd, bad *badCall) (wait func() error, err error) {
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // one thread is the tracer; it ends with this function
		defer close(ended)
		cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		var status syscall.WaitStatus
		_, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WALL, nil)
		if err == nil {
			err = syscall.PtraceSetOptions(cmd.Process.Pid,
				unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL)
		}
		if err == nil {
			err = syscall.PtraceSyscall(cmd.Process.Pid, 0)
		}
		started <- err
		if err == nil {
			bad.follow(cmd.Process.Pid)
		}
	}()
	err = <-started
	return func() error {
		<-ended
		_ = cmd.Wait() // it was waited for; this waits for what it printed
		return nil
	}, err
}

// follow goes through all system calls of a program, up to its end.
func (b *badCall) follow(pid int) {
	inside, failing := map[int]bool{}, map[int]bool{}
	for {
		var status syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &status, syscall.WALL|unix.WNOTHREAD, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return
		}
		if status.Exited() || status.Signaled() {
			if tid == pid {
				b.status = status
				return
			}
			continue
		}
		deliver := 0
		switch signal := status.StopSignal(); {
		case signal == syscall.SIGTRAP|0x80:
			if inside[tid] = !inside[tid]; inside[tid] {
				failing[tid] = b.enters(pid, tid)
			} else if failing[tid] {
				b.leaves(tid)
			}
		case signal == syscall.SIGTRAP: // a new thread
		case signal == syscall.SIGSTOP: // its first
		default:
			deliver = int(signal)
		}
		_ = syscall.PtraceSyscall(tid, deliver) // a thread may have ended meanwhile
	}
}

// enters handles a call that is about to begin. One that has to fail is replaced by none.
func (b *badCall) enters(pid, tid int) bool {
	var r syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &r) != nil {
		return false
	}
	class := classes[r.Orig_rax]
	if class == "" {
		return false
	}
	if class != "rename" {
		name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, r.Rdi))
		if err != nil || !strings.Contains(name, "/ledger.db") && !strings.Contains(name, "/.ledger.db") {
			return false
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen = map[string]int{}
	}
	b.seen[class]++
	if class != b.class && b.also != class || class == b.class && b.seen[class] != b.n || class == b.also && !b.came {
		return false
	}
	b.came = true
	r.Orig_rax = ^uint64(0)
	return syscall.PtraceSetRegs(tid, &r) == nil
}

func (b *badCall) leaves(tid int) {
	var r syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &r) == nil {
		r.Rax = -uint64(b.errno)
		_ = syscall.PtraceSetRegs(tid, &r)
	}
}
