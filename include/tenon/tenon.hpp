//===- tenon/tenon.hpp - The C++ face of the runtime ---------------------===//
//
// A thin header over tenon/tenon.h: objects own what they hold, errors are
// exceptions, nothing else is added. Read there what the calls mean.
//
//   tenon::Model model = tenon::Model::load("model.so");
//   tenon::Session session(model);
//   std::vector<float> pixels = ...;
//   tenon::View x = tenon::view(pixels.data(), {1, 3, 48, 320});
//   std::vector<tenon::Tensor> y = session.run({x});
//   const float *scores = y[0].data<float>();
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TENON_HPP
#define TENON_TENON_HPP

#include "tenon/tenon.h"

#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tenon {

/// What every function throws when the C interface returns an error.
class Error : public std::runtime_error {
public:
  Error(TenonErrorCode code, const std::string &message)
      : Error(tenon_error_create(code, message.c_str(), nullptr, 0)) {}
  /// Takes the error, which is not null.
  explicit Error(TenonError *error)
      : std::runtime_error(tenon_error_message(error)),
        handle(error, tenon_error_free) {}
  TenonErrorCode code() const { return tenon_error_code(handle.get()); }
  /// Its findings; they live as long as a copy of this object.
  size_t numDiagnostics() const {
    return tenon_error_num_diagnostics(handle.get());
  }
  const TenonDiagnostic &diagnostic(size_t index) const {
    return *tenon_error_diagnostic(handle.get(), index);
  }
  /// All of it as one line of JSON.
  const char *json() const { return tenon_error_json(handle.get()); }

private:
  std::shared_ptr<TenonError> handle;
};

/// Throws an error of the C interface, and frees it; null is success.
inline void check(TenonError *error) {
  if (error)
    throw Error(error);
}

/// The TenonDType of a C++ type.
template <typename T> struct DTypeOf;
template <TenonDType dtype>
using DTypeConstant = std::integral_constant<TenonDType, dtype>;
template <> struct DTypeOf<float> : DTypeConstant<TENON_F32> {};
template <> struct DTypeOf<double> : DTypeConstant<TENON_F64> {};
template <> struct DTypeOf<uint8_t> : DTypeConstant<TENON_U8> {};
template <> struct DTypeOf<int8_t> : DTypeConstant<TENON_I8> {};
template <> struct DTypeOf<uint16_t> : DTypeConstant<TENON_U16> {};
template <> struct DTypeOf<int16_t> : DTypeConstant<TENON_I16> {};
template <> struct DTypeOf<uint32_t> : DTypeConstant<TENON_U32> {};
template <> struct DTypeOf<int32_t> : DTypeConstant<TENON_I32> {};
template <> struct DTypeOf<uint64_t> : DTypeConstant<TENON_U64> {};
template <> struct DTypeOf<int64_t> : DTypeConstant<TENON_I64> {};
template <> struct DTypeOf<bool> : DTypeConstant<TENON_BOOL> {};

/// The caller's memory as a tensor, or as a sequence or an optional of such. It
/// owns the dimensions and the name, not the elements. Without a name it stands
/// for the input or output of its position.
class View {
public:
  View(void *data, TenonDType dtype, std::vector<int64_t> dims,
       std::string name = "")
      : address(data), type(dtype), shape(std::move(dims)),
        label(std::move(name)) {}
  /// A sequence of these, or an optional that holds the only one.
  static View sequence(std::vector<View> tensors, std::string name = "") {
    View view(nullptr, TENON_TENSORS, {static_cast<int64_t>(tensors.size())},
              std::move(name));
    view.parts = std::move(tensors);
    return view;
  }
  /// An optional that holds nothing.
  static View none(std::string name = "") {
    return View(nullptr, TENON_TENSORS, {}, std::move(name));
  }

  /// Valid as long as this object, until the next call.
  TenonTensor get() const {
    tensors.clear();
    for (const View &part : parts)
      tensors.push_back(part.get());
    return {label.empty() ? nullptr : label.c_str(),
            parts.empty() ? address : tensors.data(), type,
            static_cast<int32_t>(shape.size()), shape.data()};
  }

private:
  std::vector<View> parts;
  mutable std::vector<TenonTensor> tensors;
  void *address;
  TenonDType type;
  std::vector<int64_t> shape;
  std::string label;
};

/// A view of typed memory. It may be read only where it is an input.
template <typename T>
View view(T *data, std::vector<int64_t> dims, std::string name = "") {
  using Element = std::remove_const_t<T>;
  return View(const_cast<Element *>(data), DTypeOf<Element>::value,
              std::move(dims), std::move(name));
}

/// A tensor with its own memory, or a sequence or an optional of such.
class Tensor {
public:
  /// Zeros.
  Tensor(TenonDType dtype, std::vector<int64_t> dims, std::string name = "")
      : type(dtype), shape(std::move(dims)), label(std::move(name)) {
    View sizes(nullptr, type, shape);
    TenonTensor tensor = sizes.get();
    size = tenon_tensor_bytes(&tensor);
    if (size == SIZE_MAX)
      throw Error(TENON_ERROR_INVALID, "a tensor of impossible size");
    memory.reset(std::calloc(size ? size : 1, 1));
    if (!memory)
      throw Error(TENON_ERROR_SYSTEM, "not enough memory for a tensor");
  }

  /// A copy of what a session keeps.
  explicit Tensor(const TenonTensor &kept)
      : Tensor(kept.dtype == TENON_TENSORS ? TENON_U8 : kept.dtype,
               kept.dtype == TENON_TENSORS
                   ? std::vector<int64_t>{0}
                   : std::vector<int64_t>(kept.dims, kept.dims + kept.rank),
               kept.name ? kept.name : "") {
    if (kept.dtype != TENON_TENSORS) {
      if (size && kept.data)
        std::memcpy(memory.get(), kept.data, size);
      return;
    }
    type = TENON_TENSORS;
    shape.assign(kept.dims, kept.dims + kept.rank);
    auto *tensors = static_cast<const TenonTensor *>(kept.data);
    for (int64_t i = 0; kept.rank == 1 && i < kept.dims[0]; ++i)
      parts.push_back(Tensor(tensors[i]));
  }

  /// TENON_TENSORS of what is not a tensor.
  TenonDType dtype() const { return type; }
  const std::vector<int64_t> &dims() const { return shape; }
  /// Of a sequence; of an optional one or none.
  const std::vector<Tensor> &elements() const { return parts; }
  /// False of an optional that holds nothing.
  bool isThere() const { return type != TENON_TENSORS || !shape.empty(); }
  const std::string &name() const { return label; }
  size_t bytes() const { return size; }
  void *data() const { return memory.get(); }
  /// Throws if T is not the element type.
  template <typename T> T *data() const {
    if (DTypeOf<T>::value != type)
      throw Error(TENON_ERROR_USAGE, "the tensor has element type " +
                                         std::string(tenon_dtype_name(type)));
    return static_cast<T *>(memory.get());
  }
  View view() const {
    if (type != TENON_TENSORS)
      return View(memory.get(), type, shape, label);
    if (!isThere())
      return View::none(label);
    std::vector<View> views;
    for (const Tensor &part : parts)
      views.push_back(part.view());
    return View::sequence(std::move(views), label);
  }

private:
  struct Free {
    void operator()(void *block) const { std::free(block); }
  };
  TenonDType type;
  std::vector<int64_t> shape;
  std::string label;
  std::vector<Tensor> parts;
  size_t size = 0;
  std::unique_ptr<void, Free> memory;
};

/// A compiled model.
class Model {
public:
  /// `device` is "cpu", "cuda", "cuda:N", or "" for what suits the machine.
  static Model load(const std::string &path, const std::string &device = "") {
    TenonModel *model = nullptr;
    TenonModelOptions options = makeOptions(device);
    check(tenon_model_load_with(path.c_str(), &options, &model));
    return Model(model);
  }
  /// A model that is linked in; see the header that the compiler wrote.
  static Model link(const TenonModelDesc &description,
                    const std::string &device = "") {
    TenonModel *model = nullptr;
    TenonModelOptions options = makeOptions(device);
    check(tenon_model_from_description_with(&description, &options, nullptr,
                                            nullptr, &model));
    return Model(model);
  }
  /// Takes over a model of the C interface.
  explicit Model(TenonModel *model) : model(model) {}

  TenonModel *get() const { return model.get(); }
  std::string name() const { return tenon_model_name(get()); }
  /// What it runs on: "cpu" or "cuda".
  std::string device() const { return tenon_model_device(get()); }
  /// What there is code for: "cpu", "cuda", or "cpu,cuda".
  std::string devices() const { return tenon_model_devices(get()); }
  /// Why a model with code for both runs on the processor though no device was
  /// asked for; else "".
  std::string deviceProblem() const {
    return tenon_model_device_problem(get());
  }
  size_t numKernels() const { return tenon_model_num_kernels(get()); }
  const TenonKernelInfo &kernel(size_t index) const {
    return require(tenon_model_kernel(get(), index), "kernel");
  }
  size_t numInputs() const { return tenon_model_num_inputs(get()); }
  size_t numOutputs() const { return tenon_model_num_outputs(get()); }
  const TenonTensorInfo &input(size_t index) const {
    return require(tenon_model_input(get(), index), "input");
  }
  const TenonTensorInfo &output(size_t index) const {
    return require(tenon_model_output(get(), index), "output");
  }

private:
  static TenonModelOptions makeOptions(const std::string &device) {
    TenonModelOptions options{};
    options.struct_size = sizeof options;
    options.device = device.c_str();
    return options;
  }
  template <typename Info>
  static const Info &require(const Info *info, const char *kind) {
    if (!info)
      throw Error(TENON_ERROR_USAGE,
                  std::string("the model has no such ") + kind);
    return *info;
  }
  struct Free {
    void operator()(TenonModel *model) const { tenon_model_free(model); }
  };
  std::unique_ptr<TenonModel, Free> model;
};

/// What one caller needs to run a model.
class Session {
public:
  /// `threads` 0: as many as the process may use.
  explicit Session(const Model &model, int threads = 0) {
    TenonSessionOptions options{};
    options.struct_size = sizeof options;
    options.threads = threads;
    create(model, options);
  }
  Session(const Model &model, const TenonSessionOptions &options) {
    create(model, options);
  }

  TenonSession *get() const { return session.get(); }
  int threads() const { return tenon_session_threads(get()); }
  /// What is there that the session can't use, and why, a line each.
  std::string notes() const { return tenon_session_notes(get()); }
  /// Whether the last run was one launch of a CUDA graph.
  bool wasReplayed() const { return tenon_session_was_replayed(get()) != 0; }

  /// Says in which memory an input or output is in later runs; views of it
  /// have addresses of that memory.
  void placeInput(size_t index, TenonMemory memory, int device = 0) {
    check(tenon_session_place_input(get(), index, memory, device));
  }
  void placeOutput(size_t index, TenonMemory memory, int device = 0) {
    check(tenon_session_place_output(get(), index, memory, device));
  }

  /// Prepares for inputs of these dimensions.
  void bind(const std::vector<View> &inputs) {
    collect(inputs, inputTensors);
    check(tenon_session_bind(get(), inputTensors.data(), inputTensors.size()));
  }
  /// An output, as the last bind or run made it.
  TenonTensor output(size_t index) const {
    return tenon_session_output(get(), index);
  }
  /// Runs into the caller's memory.
  void run(const std::vector<View> &inputs, const std::vector<View> &outputs) {
    collect(inputs, inputTensors);
    collect(outputs, outputTensors);
    runCollected();
  }
  /// Runs into new tensors, all outputs in the model's order.
  std::vector<Tensor> run(const std::vector<View> &inputs) {
    bind(inputs);
    // Where dimensions depend on data, the session keeps the result until they
    // are known.
    std::vector<std::unique_ptr<Tensor>> made(numOutputs);
    outputTensors.clear();
    for (size_t i = 0; i < numOutputs; ++i) {
      outputTensors.push_back(output(i));
      if (isComputed(outputTensors[i]))
        continue;
      made[i].reset(new Tensor(makeTensor(outputTensors[i])));
      outputTensors[i].data = made[i]->data();
    }
    runCollected();
    std::vector<Tensor> outputs;
    for (size_t i = 0; i < numOutputs; ++i) {
      if (made[i]) {
        outputs.push_back(std::move(*made[i]));
        continue;
      }
      outputs.push_back(Tensor(output(i)));
    }
    return outputs;
  }
  /// Whether only a run can tell all dimensions of an output that output()
  /// told after a bind, or how many tensors it has.
  static bool isComputed(const TenonTensor &tensor) {
    if (tensor.dtype == TENON_TENSORS)
      return true;
    for (int32_t i = 0; i < tensor.rank; ++i)
      if (tensor.dims[i] < 0)
        return true;
    return false;
  }

private:
  void create(const Model &model, const TenonSessionOptions &options) {
    TenonSession *made = nullptr;
    check(tenon_session_create(model.get(), &options, &made));
    session.reset(made);
    numOutputs = model.numOutputs();
  }
  static Tensor makeTensor(const TenonTensor &like) {
    return Tensor(like.dtype,
                  std::vector<int64_t>(like.dims, like.dims + like.rank),
                  like.name);
  }
  static void collect(const std::vector<View> &views,
                      std::vector<TenonTensor> &tensors) {
    tensors.clear();
    for (const View &view : views)
      tensors.push_back(view.get());
  }
  void runCollected() {
    check(tenon_session_run(get(), inputTensors.data(), inputTensors.size(),
                            outputTensors.data(), outputTensors.size()));
  }
  struct Free {
    void operator()(TenonSession *session) const {
      tenon_session_free(session);
    }
  };
  std::unique_ptr<TenonSession, Free> session;
  size_t numOutputs = 0;
  std::vector<TenonTensor> inputTensors, outputTensors;
};

} // namespace tenon

#endif // TENON_TENON_HPP
