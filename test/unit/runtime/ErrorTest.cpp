//===- ErrorTest.cpp - Errors with their findings, and as JSON ------------===//

#include "tenon/tenon.h"
#include "tenon/tenon.hpp"

#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace {

TEST(Error, WithoutFindings) {
  TenonError *error =
      tenon_error_create(TENON_ERROR_UNSUPPORTED, "no such op", nullptr, 0);
  EXPECT_EQ(tenon_error_code(error), TENON_ERROR_UNSUPPORTED);
  EXPECT_STREQ(tenon_error_message(error), "no such op");
  ASSERT_EQ(tenon_error_num_diagnostics(error), 1u);
  const TenonDiagnostic *finding = tenon_error_diagnostic(error, 0);
  EXPECT_STREQ(finding->message, "no such op");
  EXPECT_STREQ(finding->op, "");
  EXPECT_EQ(finding->num_nodes, 0u);
  EXPECT_EQ(tenon_error_diagnostic(error, 1), nullptr);
  EXPECT_STREQ(
      tenon_error_json(error),
      R"({"code":3,"kind":"unsupported","message":"no such op","diagnostics":[)"
      R"({"severity":"error","message":"no such op","nodes":[],"op":null,)"
      R"("domain":null,"version":null,"element_type":null,"tensor":null,)"
      R"("found":null,"expected":null,"notes":[]}]})");
  tenon_error_free(error);
  // An error is never a success.
  error = tenon_error_create(TENON_OK, nullptr, nullptr, 0);
  EXPECT_EQ(tenon_error_code(error), TENON_ERROR_INTERNAL);
  tenon_error_free(error);
}

TEST(Error, JsonIsMadeOnce) {
  TenonError *error =
      tenon_error_create(TENON_ERROR_UNSUPPORTED, "no such op", nullptr, 0);
  std::vector<const char *> texts(8);
  std::vector<std::thread> threads;
  for (const char *&text : texts)
    threads.emplace_back([&text, error] { text = tenon_error_json(error); });
  for (std::thread &thread : threads)
    thread.join();
  for (const char *text : texts)
    EXPECT_EQ(text, texts.front());
  tenon_error_free(error);
}

TEST(Error, Success) {
  EXPECT_STREQ(tenon_error_json(nullptr),
               R"({"code":0,"kind":"ok","message":"","diagnostics":[]})");
}

TEST(Error, Findings) {
  TenonError *error;
  {
    // Everything is copied.
    std::string name = "a \"quoted\" \\ name", note = "line\nline";
    const char *nodes[] = {name.c_str(), "second"}, *notes[] = {note.c_str()};
    TenonDiagnostic findings[2]{};
    findings[0].message = "the operator is not supported";
    findings[0].nodes = nodes;
    findings[0].num_nodes = 2;
    findings[0].op = "Einsum";
    findings[0].domain = "ai.onnx";
    findings[0].version = 13;
    findings[0].element_type = "float32";
    findings[1].message = "dimension 0 is 2";
    findings[1].tensor = "x";
    findings[1].found = "2";
    findings[1].expected = "3";
    findings[1].notes = notes;
    findings[1].num_notes = 1;
    error = tenon_error_create(TENON_ERROR_INVALID, "two", findings, 2);
  }
  EXPECT_STREQ(
      tenon_error_json(error),
      R"({"code":2,"kind":"invalid","message":"two","diagnostics":[)"
      R"({"severity":"error","message":"the operator is not supported",)"
      R"("nodes":["a \"quoted\" \\ name","second"],"op":"Einsum",)"
      R"("domain":"ai.onnx","version":13,"element_type":"float32",)"
      R"("tensor":null,"found":null,"expected":null,"notes":[]},)"
      R"({"severity":"error","message":"dimension 0 is 2","nodes":[],)"
      R"("op":null,"domain":null,"version":null,"element_type":null,)"
      R"("tensor":"x","found":"2","expected":"3","notes":["line\nline"]}]})");
  // In C++ a copy of the exception keeps them.
  tenon::Error thrown(error), copy = thrown;
  EXPECT_EQ(copy.code(), TENON_ERROR_INVALID);
  ASSERT_EQ(copy.numDiagnostics(), 2u);
  EXPECT_STREQ(copy.diagnostic(0).nodes[1], "second");
  EXPECT_STREQ(copy.json(), thrown.json());
}

/// The message of an error as JSON, without its quotes.
std::string escape(const char *message) {
  TenonError *error =
      tenon_error_create(TENON_ERROR_INVALID, message, nullptr, 0);
  std::string json = tenon_error_json(error);
  tenon_error_free(error);
  std::string before = R"("message":")", after = R"(","diagnostics")";
  size_t begin = json.find(before) + before.size();
  return json.substr(begin, json.find(after) - begin);
}

TEST(Error, NamesAreAnyBytes) {
  EXPECT_EQ(escape("tab\t, bell\x07, delete\x7f"),
            R"(tab\u0009, bell\u0007, delete\u007f)");
  EXPECT_EQ(escape("Größe, 榫, 𝄞"), "Größe, 榫, 𝄞");
  const std::string unknown = "\xef\xbf\xbd";
  // Cut off, of nothing, too long, a surrogate, beyond Unicode.
  EXPECT_EQ(escape("\xe6\xa6"), unknown + unknown);
  EXPECT_EQ(escape("a\xff"
                   "b"),
            "a" + unknown + "b");
  EXPECT_EQ(escape("\xc0\xaf"), unknown + unknown);
  EXPECT_EQ(escape("\xe0\x80\xaf"), unknown + unknown + unknown);
  EXPECT_EQ(escape("\xed\xa0\x80"), unknown + unknown + unknown);
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), unknown + unknown + unknown + unknown);
}

} // namespace
