//===- ModelTest.cpp - Loading models, and what is refused ---------------===//

#include "test/unit/runtime/ApiTest.h"
#include "test/unit/runtime/FakeModel.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

using namespace tenon::test;

namespace {

std::string path(const std::string &file) {
  return std::string(TENON_TEST_BINARY_DIR) + "/" + file;
}

std::string load(const std::string &file) {
  TenonModel *model = nullptr;
  std::string text = take(tenon_model_load(file.c_str(), &model));
  tenon_model_free(model);
  // The folder differs from machine to machine.
  for (size_t at; (at = text.find(path(""))) != std::string::npos;)
    text.erase(at, path("").size());
  return text;
}

std::string checkDesc(const TenonModelDesc &desc) {
  TenonModel *model = nullptr;
  std::string text =
      take(tenon_model_from_description(&desc, nullptr, nullptr, &model));
  tenon_model_free(model);
  return text;
}

} // namespace

TEST(Model, Version) {
  EXPECT_EQ(tenon_version(), 100u);
  EXPECT_STREQ(tenon_version_string(), "0.1.0");
}

TEST(Model, LoadsFromFile) {
  TenonModel *raw = nullptr;
  ASSERT_EQ(take(tenon_model_load(path("fake_model.so").c_str(), &raw)), "ok");
  ModelPtr model(raw);
  EXPECT_STREQ(tenon_model_name(raw), "fake");
  EXPECT_EQ(tenon_model_num_inputs(raw), 3u);
  EXPECT_EQ(tenon_model_num_outputs(raw), 3u);
  const TenonTensorInfo *x = tenon_model_input(raw, 0);
  EXPECT_STREQ(x->name, "x");
  EXPECT_EQ(x->dtype, TENON_F32);
  ASSERT_EQ(x->rank, 2);
  EXPECT_EQ(x->dims[0], -1);
  EXPECT_EQ(x->dims[1], 4);
  EXPECT_STREQ(x->dim_names[0], "N");
  EXPECT_STREQ(x->dim_names[1], "");
  const TenonTensorInfo *sizes = tenon_model_output(raw, 2);
  EXPECT_EQ(sizes->dims[0], -1);
  EXPECT_STREQ(sizes->dim_names[0], "");
  EXPECT_EQ(tenon_model_input(raw, 3), nullptr);
  EXPECT_EQ(tenon_model_output(raw, 3), nullptr);

  SessionPtr session = makeSession(raw);
  model.reset(); // the session keeps it
  FakeCall call(5);
  EXPECT_EQ(take(call.run(session.get())), "ok");
  EXPECT_TRUE(call.isRight());
}

TEST(Model, RefusesFiles) {
  EXPECT_EQ(load(path("absent.so")),
            "4: cannot open 'absent.so': No such file or directory");
  EXPECT_EQ(load(TENON_TEST_BINARY_DIR).substr(0, 14), "4: cannot read");
  std::ofstream(path("text.so")) << "this is no library";
  EXPECT_EQ(load(path("text.so")),
            "2: 'text.so' is not a compiled model: not a shared library");
  std::ofstream(path("empty.so")).flush();
  EXPECT_EQ(load(path("empty.so")),
            "2: 'empty.so' is not a compiled model: not a shared library");
  EXPECT_EQ(load(path("no_model.so")),
            "2: 'no_model.so' is not a compiled model: it has no symbol "
            "'tenon_model'");
  EXPECT_EQ(load(path("wrong_magic.so")),
            "2: 'wrong_magic.so': not a compiled model: wrong magic number");
  EXPECT_EQ(load(path("wrong_version.so")),
            "3: 'wrong_version.so': this model has format version 999, but "
            "this runtime (0.1.0) reads version " +
                std::to_string(TENON_ABI_VERSION) + "; compile it again");
  EXPECT_EQ(load(path("wrong_processor.so")),
            "3: 'wrong_processor.so': this model is for 'riscv64', but this "
            "processor is x86_64");
  EXPECT_EQ(load(path("wrong_feature.so")),
            "3: 'wrong_feature.so': this model needs avx4096, which this "
            "processor does not have; compile it for this processor or for a "
            "lower level");
}

TEST(Model, RefusesTruncatedFiles) {
  std::ifstream whole(path("fake_model.so"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(whole)), {});
  for (size_t length : {size_t(1), size_t(63), size_t(64), size_t(200),
                        bytes.size() / 4, bytes.size() / 2}) {
    std::ofstream(path("short.so"), std::ios::binary)
        << bytes.substr(0, length);
    EXPECT_EQ(load(path("short.so")).substr(0, 2), "2:") << length;
  }
  std::string other = bytes;
  other[18] = static_cast<char>(0xb7); // e_machine: aarch64
  std::ofstream(path("other_machine.so"), std::ios::binary) << other;
  EXPECT_EQ(load(path("other_machine.so")),
            "3: 'other_machine.so' is for aarch64, but this processor is "
            "x86_64");
}

TEST(Model, RefusesDamagedDescriptions) {
  TenonModelDesc desc = tenon_model;
  EXPECT_EQ(checkDesc(desc), "ok");
  desc.structSize -= 8;
  EXPECT_EQ(checkDesc(desc), "2: damaged model: its description has " +
                                 std::to_string(sizeof desc - 8) +
                                 " bytes, expected " +
                                 std::to_string(sizeof desc));
  desc = tenon_model;
  desc.plan = nullptr;
  EXPECT_EQ(checkDesc(desc), "2: damaged model: no entry points");
  desc = tenon_model;
  desc.inputs = nullptr;
  EXPECT_EQ(checkDesc(desc), "2: damaged model: no table of inputs");
  desc = tenon_model;
  desc.numOutputs = UINT32_MAX;
  EXPECT_EQ(checkDesc(desc), "2: damaged model: 4294967295 outputs");
  desc = tenon_model;
  desc.numInputs = 0;
  EXPECT_EQ(checkDesc(desc), "2: damaged model: no input has the symbol 'N'");

  std::vector<TenonTensorDesc> inputs(tenon_model.inputs,
                                      tenon_model.inputs + 3);
  auto withInput = [&](const char *name, int32_t dtype, int32_t rank,
                       const int64_t *dims) {
    inputs[1] = tenon_model.inputs[1];
    inputs[1].name = name;
    inputs[1].dtype = dtype;
    inputs[1].rank = rank;
    inputs[1].dims = dims;
    desc = tenon_model;
    desc.inputs = inputs.data();
    return checkDesc(desc);
  };
  int64_t dims[] = {-5, 4};
  EXPECT_EQ(withInput(nullptr, TENON_F32, 0, nullptr),
            "2: damaged model: input 1 has no name");
  EXPECT_EQ(withInput("x", TENON_F32, 0, nullptr),
            "2: damaged model: input 'x' is there twice");
  EXPECT_EQ(withInput("b", 8, 0, nullptr),
            "2: damaged model: input 'b' has element type 8");
  EXPECT_EQ(withInput("b", TENON_F32, 33, dims),
            "2: damaged model: input 'b' has rank 33");
  EXPECT_EQ(withInput("b", TENON_F32, 2, nullptr),
            "2: damaged model: input 'b' has no dimensions");
  EXPECT_EQ(withInput("b\n", TENON_F32, 2, dims),
            "2: damaged model: input 'b\\x0a' has a wrong dimension 0");
  dims[0] = TENON_DIM_COMPUTED;
  EXPECT_EQ(withInput("b", TENON_F32, 2, dims),
            "2: damaged model: input 'b' has a wrong dimension 0");

  // Parts of a sequence that are not there, or out of order.
  dims[0] = 0;
  for (int32_t part : {int32_t(TENON_PART_FLAG), int32_t(TENON_PART_ELEMENTS),
                       int32_t(TENON_PART_TABLE), TENON_PART_TABLE + 1}) {
    inputs[1] = {"b", TENON_F32, 1, dims, TENON_SEQUENCE, part, 0, 0, nullptr};
    desc = tenon_model;
    desc.inputs = inputs.data();
    EXPECT_EQ(checkDesc(desc),
              part <= TENON_PART_TABLE
                  ? "2: damaged model: input 'b' has parts that don't fit"
                  : "2: damaged model: input 'b' is part 4 of kind 1");
  }

  TenonBufferDesc buffer{"b", 3, 2, TENON_SPACE_HOST, 0};
  desc = tenon_model;
  desc.buffers = &buffer;
  EXPECT_EQ(checkDesc(desc),
            "2: damaged model: buffer 0 has no name or wrong steps");
  TenonKernel kernel{nullptr, "k", "codegen", nullptr, 0,       nullptr,
                     0,       0,   0,         0,       nullptr, 0};
  desc = tenon_model;
  desc.numKernels = 1;
  desc.kernels = &kernel;
  EXPECT_EQ(checkDesc(desc),
            "2: damaged model: kernel 0 has no code or no name");
  kernel.fn = [](void *const *, const int64_t *, int64_t, int64_t) {
    return int64_t(TENON_KERNEL_OK);
  };
  EXPECT_EQ(checkDesc(desc), "ok");
  kernel.argsSize = 1;
  EXPECT_EQ(checkDesc(desc),
            "2: damaged model: no table of words of a kernel's tensors");
  kernel.argsSize = uint64_t(1) << 32;
  EXPECT_EQ(checkDesc(desc),
            "2: damaged model: 4294967296 words of a kernel's tensors");
  TenonLibraryKernel library{"no-such-library", "k", 0,       0, nullptr, 0,
                             nullptr,           0,   nullptr, 0};
  desc = tenon_model;
  desc.numLibraryKernels = 1;
  desc.libraryKernels = &library;
  EXPECT_EQ(checkDesc(desc),
            "3: this model uses the library 'no-such-library', which this "
            "runtime does not know");
  int64_t place = 64;
  library.numArgs = 1;
  library.constants = &place;
  EXPECT_EQ(checkDesc(desc),
            "2: damaged model: library kernel 0 has a constant "
            "outside of the weights");
  library.index = 1;
  EXPECT_EQ(checkDesc(desc),
            "2: damaged model: library kernel 0 has a wrong entry");
  library.index = 0;
  library.argsSize = 1;
  EXPECT_EQ(checkDesc(desc),
            "2: damaged model: no table of words of a kernel's tensors");
}

TEST(Model, ReleasesOnceAlsoOnErrors) {
  static int count;
  count = 0;
  auto release = [](void *context) { count += *static_cast<int *>(context); };
  int one = 1;
  TenonModel *model = nullptr;
  ASSERT_EQ(
      take(tenon_model_from_description(&tenon_model, release, &one, &model)),
      "ok");
  auto other = [](void *) {};
  EXPECT_EQ(tenon_model_context(model, release), &one);
  EXPECT_EQ(tenon_model_context(model, other), nullptr);
  EXPECT_EQ(tenon_model_context(model, nullptr), nullptr);
  SessionPtr session = makeSession(model);
  tenon_model_free(model);
  EXPECT_EQ(count, 0);
  session.reset();
  EXPECT_EQ(count, 1);
  TenonModelDesc wrong = tenon_model;
  wrong.magic = 0;
  EXPECT_NE(take(tenon_model_from_description(&wrong, release, &one, &model)),
            "ok");
  EXPECT_EQ(count, 2);
}

TEST(Model, UsageErrors) {
  TenonModel *model = nullptr;
  EXPECT_EQ(take(tenon_model_load(nullptr, &model)).substr(0, 2), "1:");
  EXPECT_EQ(take(tenon_model_load("x", nullptr)).substr(0, 2), "1:");
  tenon_model_free(nullptr);
  tenon_session_free(nullptr);
  tenon_error_free(nullptr);
}
