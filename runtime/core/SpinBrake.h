//===- SpinBrake.h - Threads that don't wait at others' cost ----*- C++ -*-===//

#ifndef TENON_RUNTIME_CORE_SPINBRAKE_H
#define TENON_RUNTIME_CORE_SPINBRAKE_H

namespace tenon::runtime {

/// To be called after each run on several threads, which it costs a look at the
/// clock.
///
/// libgomp's threads wait for each other by spinning, for milliseconds before
/// they sleep. That is fastest while each has a processor of its own. Where
/// other processes want these too, a thread that spins keeps the one that it
/// waits for from running: a run whose kernels take microseconds then takes as
/// many turns of the scheduler as it has kernels. libgomp has a remedy, for
/// when it has more threads than there are processors: then they hardly spin.
/// So where the calling thread has waited for a processor for a good part of
/// the time in which it wanted one, this makes threads that sleep. They end
/// after a while; if that turns out to be too early, they are made again for a
/// longer one.
///
/// Nothing is done where the environment says how libgomp's threads wait or how
/// many there are (OMP_WAIT_POLICY, GOMP_SPINCOUNT, OMP_THREAD_LIMIT,
/// OMP_DYNAMIC), where the system doesn't tell how long a thread waited
/// (/proc/thread-self/schedstat) or has no threads left, and on machines with
/// more than 64 processors. A process that was forked meanwhile does nothing
/// either.
void noteParallelRun();

/// Whether threads hardly spin now: those that sleep are there.
bool isSpinBraked();

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_SPINBRAKE_H
