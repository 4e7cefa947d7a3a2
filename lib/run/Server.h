//===- Server.h - Requests over standard input and output ----------------===//

#ifndef TENON_LIB_RUN_SERVER_H
#define TENON_LIB_RUN_SERVER_H

namespace tenon::run {

/// What the requests are, for --help.
extern const char *const serverUsage;

/// Answers requests until the input ends. Returns an exit code.
int serve();

} // namespace tenon::run

#endif // TENON_LIB_RUN_SERVER_H
