//===- SpinBrake.h - Threads that don't wait at others' cost ----*- C++ -*-===//

#ifndef TENON_RUNTIME_CORE_SPINBRAKE_H
#define TENON_RUNTIME_CORE_SPINBRAKE_H

namespace tenon::runtime {

/// To be called after each run of several threads, which it costs a look at the
/// clock.
///
/// libgomp's threads wait for each other by spinning, for milliseconds before
/// they sleep. That is fastest while each has a processor of its own. Where
/// other processes want these too, a thread that spins keeps the one that it
/// waits for from running: a run whose kernels take microseconds then takes as
/// many turns of the scheduler as it has kernels. libgomp has a remedy, for
/// when it has more threads than there are processors: then they hardly spin.
/// So where the system has taken processors away from this process again and
/// again, this makes threads that sleep, and lets them go after a while; if
/// that turns out to be too early, after a longer one.
///
/// Nothing is done where the environment says how to wait (OMP_WAIT_POLICY or
/// GOMP_SPINCOUNT).
void noteParallelRun(int threads);

/// Whether threads hardly spin now.
bool isSpinBraked();

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_SPINBRAKE_H
