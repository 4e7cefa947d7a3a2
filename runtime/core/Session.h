//===- Session.h - One caller's runs of a model --------------------------===//

#ifndef TENON_RUNTIME_CORE_SESSION_H
#define TENON_RUNTIME_CORE_SESSION_H

#include "runtime/core/BufferPlan.h"
#include "runtime/core/Memory.h"
#include "runtime/core/Model.h"
#include "runtime/core/Profile.h"
#include "runtime/core/Sequences.h"
#include "runtime/core/SessionDevice.h"
#include "runtime/core/Threads.h"

#include <atomic>
#include <vector>

namespace tenon::runtime {

/// What is known about the time that a kernel's units take at some sizes.
struct KernelCost {
  int64_t units = -1;
  float nsPerUnit = 0;
  int32_t samples = 0;
};

/// A recorded run of some dimensions.
struct ShapeGraph {
  /// The caller's tensors that are in it as they are; see
  /// TenonSession::direct.
  std::vector<void *> direct;
  void *graph = nullptr;   // null until it is recorded
  uint64_t generation = 0; // SessionDevice::getGeneration()
  /// It could not be made or put into the queue, as there is no memory for it:
  /// that is not tried again.
  bool hasFailed = false;
};

/// Everything that depends on the values of the symbols.
struct ShapePlan {
  std::vector<int64_t> symbols;
  std::vector<int64_t> bytes, offsets; // of the buffers
  std::vector<int64_t> outputDims;
  std::vector<uint64_t> outputBytes;
  std::vector<KernelCost> costs;               // of the kernels
  std::vector<void *> buffers;                 // addresses in the arenas
  char *base = nullptr, *deviceBase = nullptr; // where these are
  int64_t arenaBytes = 0, deviceArenaBytes = 0;
  uint64_t lastUse = 0;

  // See SessionReplay.cpp.
  bool hasRun = false;
  /// Of copies of all tensors, in memory of the session.
  ShapeGraph copyingGraph;
  /// Of the caller's tensors, and those that came once and have none yet; the
  /// last used is the last.
  std::vector<ShapeGraph> directGraphs;
  std::vector<std::vector<void *>> seen;
};

/// An input or output of the call at work.
struct CallTensor {
  bool isInput;
  size_t index;
  void *data;
  uint64_t bytes;
  bool isPlaced;  // the caller's memory on the device
  int32_t buffer; // of TENON_BUFFER_OF_INPUT or -OUTPUT, -1 if there is none
                  // that is as large
  void *&staged, *&direct;
};

} // namespace tenon::runtime

/// The public session object.
struct TenonSession {
  using Error = tenon::runtime::Error;

  static Error create(TenonModel *model, const TenonSessionOptions &options,
                      TenonSession **session);
  ~TenonSession();

  Error bind(const TenonTensor *tensors, size_t count);
  Error run(const TenonTensor *ins, size_t numIns, const TenonTensor *outs,
            size_t numOuts);
  /// See tenon_session_place_input and -output.
  Error place(bool isInput, size_t index, TenonMemory memory, int32_t number);
  TenonTensor getOutput(size_t index) const;
  /// The same for a tensor of the description.
  TenonTensor getOutputPart(size_t index) const;
  uint64_t getWorkspaceSize() const;
  const std::vector<TenonProfileEntry> &getProfileEntries();
  const std::vector<TenonProfileCall> &getProfileCalls() const;
  void resetProfile() {
    if (profile)
      profile->reset();
  }
  int getThreads() const { return team.size(); }
  bool wasReplayed() const { return isReplayed; }
  const char *getNotes() const { return device ? device->getNotes() : ""; }

  /// Set while a function uses the session, to refuse a second thread.
  std::atomic_flag busy = ATOMIC_FLAG_INIT;

private:
  TenonSession(TenonModel *model, int threads, int maxShapes);

  Error packInputs(const TenonTensor *&tensors, size_t &count, bool withData);
  Error selectOutputs(const TenonTensor *&tensors, size_t &count);
  Error bindInputs(const TenonTensor *tensors, size_t count);
  Error matchInputs(const TenonTensor *tensors, size_t count);
  Error matchOutputs(const TenonTensor *tensors, size_t count);
  Error readSymbols(const TenonTensor *tensors);
  Error checkInputData(const TenonTensor *tensors);
  Error checkInputsApart(size_t output, void *data, uint64_t bytes);
  Error checkOverlap();
  uint64_t countInputBytes(size_t input) const;
  bool isComputed(size_t output) const;
  Error selectPlan();
  Error makePlan(tenon::runtime::ShapePlan &plan);
  /// "'n' = 3, 'm' = 4", "" without symbols.
  std::string formatSymbols() const;
  Error prepareLibraryKernels();
  Error placeArena(tenon::runtime::ShapePlan &plan);
  void placeBuffers(tenon::runtime::ShapePlan &plan, int32_t space, char *&base,
                    char *arena);

  /// Runs the code of the model. Returns what that returns.
  int32_t callModel(void *const *inputs, void *const *outputs,
                    void *const *buffers);

  // See SessionReplay.cpp.
  /// TENON_MODEL_IS_REPLAYABLE.
  bool canReplay() const;
  bool replay();
  tenon::runtime::ShapeGraph &findGraph();
  bool makeGraph(tenon::runtime::ShapeGraph &graph);
  bool recordGraph(tenon::runtime::ShapeGraph &graph);
  void dropGraph(tenon::runtime::ShapeGraph &graph);
  void dropGraphs(tenon::runtime::ShapePlan &plan);
  bool leavesGraph();
  int32_t runStaged();
  Error checkPlacedTensors();
  template <typename Visitor> void forEachTensor(Visitor visit);
  void findDirect();
  Error stage(bool isForGraph);
  int32_t callStaged();
  int32_t copyInputs();
  void sendAhead(const tenon::runtime::CallTensor &tensor);
  int32_t copyOutputs();
  void copyMemory(void *target, const void *source, uint64_t bytes);

  /// What stands for the address of a tensor without elements, and for what
  /// could not be allocated.
  static char scrap[TENON_SCRAP_SIZE];

  // The functions of the TenonRuntimeTable.
  static const TenonRuntimeTable table;
  static int32_t launch(void *session, const TenonKernel *kernel,
                        void *const *args, const int64_t *dims, int64_t units,
                        int64_t flops);
  static int32_t library(void *session, const TenonLibraryKernel *kernel,
                         void *const *args, const int64_t *dims, int64_t flops);
  int32_t failKernel(const TenonKernel *kernel, int64_t status);
  static int32_t fail(void *session, int32_t code, const char *node,
                      const char *message);
  static int32_t mismatch(void *session, const char *node, const char *what,
                          int64_t first, int64_t second);
  static void *allocate(void *session, int32_t slot, int32_t space,
                        int32_t keep, const char *node, int64_t elementBytes,
                        int32_t rank, const int64_t *dims);
  static void *output(void *session, int32_t index, const char *node,
                      const int64_t *dims);
  static int32_t copy(void *session, void *target, const void *source,
                      int64_t elementBytes, int64_t count);
  static int32_t status(void *session);
  static int32_t transfer(void *session, int32_t space, int32_t isStable,
                          void *target, const void *source,
                          int64_t elementBytes, int64_t count);

  void *allocateSlot(int32_t slot, int32_t space, bool keep, const char *node,
                     uint64_t bytes);
  void *placeOutput(uint32_t index, const char *node, const int64_t *dims);
  int64_t runUnits(const TenonKernel *kernel, void *const *args,
                   const int64_t *dims, int64_t units);

  // See SessionDevice.cpp. Each returns the code of the pending error.
  int32_t note(Error error);
  int32_t launchOnDevice(const TenonKernel *kernel, void *const *args,
                         const int64_t *dims, int64_t units, int64_t flops);
  int32_t finishDevice();
  void readTimes();

  TenonModel *model;
  tenon::runtime::ThreadTeam team;
  /// If it is to measure.
  std::unique_ptr<tenon::runtime::Profile> profile;
  std::vector<void *> librarySessions;
  /// If the model has a device.
  std::unique_ptr<tenon::runtime::SessionDevice> device;

  size_t maxShapes;
  std::vector<std::unique_ptr<tenon::runtime::ShapePlan>> plans;
  tenon::runtime::ShapePlan *current = nullptr;
  uint64_t useCount = 0;
  tenon::runtime::BufferPlanner planner;
  tenon::runtime::Memory arena;
  /// For what has a size that depends on data.
  std::vector<tenon::runtime::Memory> slots;
  /// For the outputs for which the caller gives no memory.
  std::vector<tenon::runtime::Memory> ownOutputs;

  /// Of a model with sequences or optionals, else empty.
  tenon::runtime::SequenceInputs packedInputs;
  tenon::runtime::SequenceOutputs unpackedOutputs;
  std::vector<uint32_t> inputValuePositions, outputValuePositions;
  std::vector<TenonTensor> tensorOutputs;

  // Of the call at work; sized once.
  std::vector<uint32_t> inputPositions, outputPositions; // in the call's arrays
  std::vector<int64_t> symbols;
  std::vector<uint32_t> symbolSources; // the input that gave the value
  std::vector<int64_t> libraryDims;
  std::vector<void *> inputData, outputData;
  /// Outputs with a dimension that only the run tells have the size of the
  /// caller's memory here until then.
  std::vector<uint64_t> outputBytes;
  /// Of all outputs, as the last bind or run made them.
  std::vector<int64_t> outputDims;
  /// Whether an output's data are those of the last run, in `ownOutputs`.
  std::vector<bool> isKept;
  Error pending;

  /// Whether runs can be graphs, one is being recorded, and the last run was
  /// one.
  bool isRecording = false, isReplayed = false;
  /// Which inputs and outputs of the description are the caller's memory on the
  /// device, and whether any is.
  std::vector<bool> isInputPlaced, isOutputPlaced;
  bool hasPlaced = false;
  /// Of TENON_BUFFER_OF_INPUT and -OUTPUT, -1 where there is none.
  std::vector<int32_t> inputBuffers, outputBuffers;
  /// Where inputs and outputs are copied to and from. Those of `inputData` and
  /// `outputData` that are not stand here as they are.
  std::vector<void *> stagedInputs, stagedOutputs;
  /// Inputs, then outputs: the caller's memory on the device in the place of a
  /// buffer of the model; null for the others.
  std::vector<void *> direct;
  /// What the model gets of those of `stagedInputs` and of the plan.
  std::vector<void *> frameInputs, frameBuffers;
};

#endif // TENON_RUNTIME_CORE_SESSION_H
