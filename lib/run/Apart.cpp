//===- Apart.cpp - Work in a process of its own -------------------------===//

#include "lib/run/Apart.h"

#include "lib/run/Array.h"
#include "lib/run/Text.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;

/// What `work` returns or throws, as text.
static std::string runToText(const std::function<json()> &work) {
  auto describe = [](int code, const char *message) {
    return json{{"code", code}, {"message", message}};
  };
  json reply;
  try {
    reply["result"] = work();
  } catch (const Error &error) {
    reply = describe(error.code(), error.what());
  } catch (const std::bad_alloc &) {
    reply = describe(TENON_ERROR_SYSTEM, "not enough memory");
  } catch (const std::exception &error) {
    reply = describe(TENON_ERROR_INTERNAL, error.what());
  }
  return formatJson(reply);
}

[[noreturn]] static void failSystem(const char *what) {
  fail(TENON_ERROR_SYSTEM, "can't %s: %s", what, strerror(errno));
}

/// Writes all of the text, or ends the process.
static void writeAll(int file, const std::string &text) {
  for (size_t done = 0; done < text.size();) {
    ssize_t written = write(file, text.data() + done, text.size() - done);
    if (written < 0)
      _exit(TENON_ERROR_SYSTEM);
    done += written;
  }
}

json tenon::run::runApart(const std::function<json()> &work,
                          int64_t *peakBytes) {
  int ends[2];
  if (pipe(ends))
    failSystem("make a pipe");
  fflush(stdout);
  pid_t child = fork();
  if (child < 0)
    failSystem("start a process");
  if (!child) {
    close(ends[0]);
    writeAll(ends[1], runToText(work));
    // What was loaded and made is not taken down: the process is over.
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t length; (length = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, length);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) < 0)
    failSystem("wait for a process");
  if (WIFSIGNALED(status))
    fail(TENON_ERROR_INTERNAL, "the measurement ended by signal %d (%s)",
         WTERMSIG(status), strsignal(WTERMSIG(status)));
  json reply = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!reply.is_object())
    fail(TENON_ERROR_INTERNAL, "the measurement told nothing");
  if (reply.contains("code"))
    throw Error(static_cast<TenonErrorCode>(reply["code"].get<int>()),
                reply["message"].get<std::string>());
  if (peakBytes) // The kernel counts in KiB.
    *peakBytes = static_cast<int64_t>(usage.ru_maxrss) * 1024;
  return reply["result"];
}
