//===- HostIslands.cpp - Small work between parts of the processor --------===//

#include "codegen/assign/HostIslands.h"

#include "codegen/common/KernelWork.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;

namespace tenon {

/// Of a device behind PCIe 4.0 with 16 lanes, in nanoseconds: to start a kernel
/// that does little, to make a copy that the host waits for, and for each byte
/// of that.
static constexpr double kLaunchTime = 5000, kCopyTime = 10000, kByteTime = 0.05;

/// How much more an island has to take on the device: for what is larger than
/// the sizes of the estimates the device is better.
static constexpr double kMargin = 4;

/// What `tensor` is a view of.
static Value getRoot(Value tensor) {
  while (auto view = tensor.getDefiningOp<ReshapeOp>())
    tensor = view.getInput();
  return tensor;
}

namespace {

struct Island {
  double hostTime = 0, deviceTime = 0;
  /// Whether all of it can run on the processor, and whether anything of the
  /// processor's is next to it.
  bool canMove = true, hasNeighbour = false;
  SmallVector<KernelOp> kernels;
  llvm::SmallPtrSet<Value, 8> copied;
};

class IslandFinder {
public:
  IslandFinder(const ProviderList &providers, TypicalSizes &sizes)
      : providers(providers), sizes(sizes) {}

  /// The islands, in the order of their first kernels.
  SmallVector<Island> find(Operation *module, const HostChoices &choices);

private:
  bool isOnDevice(Operation *op);
  void addInput(Island &island, Value input);
  void addReaders(Island &island, Value result, Value view);
  void addCopy(Island &island, Value tensor);

  const ProviderList &providers;
  TypicalSizes &sizes;
};

} // namespace

bool IslandFinder::isOnDevice(Operation *op) {
  auto kernel = dyn_cast_or_null<KernelOp>(op);
  std::optional<StringRef> name = kernel ? kernel.getProvider() : std::nullopt;
  const Provider *provider = name ? providers.find(*name) : nullptr;
  return provider && provider->isOnDevice();
}

void IslandFinder::addCopy(Island &island, Value tensor) {
  if (island.copied.insert(tensor).second)
    island.deviceTime += kCopyTime + kByteTime * getBytes(tensor, sizes);
}

void IslandFinder::addInput(Island &island, Value input) {
  Operation *maker = input.getDefiningOp();
  if (isOnDevice(maker) || isa_and_nonnull<ConstantOp>(maker))
    return;
  addCopy(island, input);
  // Sizes are known to all.
  bool isGiven = maker
                     ? isa<tensor::FromElementsOp>(maker)
                     : isa<func::FuncOp>(input.getParentBlock()->getParentOp());
  island.hasNeighbour |= !isGiven;
}

/// Of `result`, or of `view`, which is one of it.
void IslandFinder::addReaders(Island &island, Value result, Value view) {
  for (Operation *user : view.getUsers()) {
    if (isa<ReshapeOp>(user)) {
      addReaders(island, result, user->getResult(0));
    } else if (!isa<tensor::DimOp>(user) && !isOnDevice(user)) {
      addCopy(island, result);
      island.hasNeighbour |= !isa<func::ReturnOp>(user);
    }
  }
}

SmallVector<Island> IslandFinder::find(Operation *module,
                                       const HostChoices &choices) {
  SmallVector<KernelOp> kernels;
  llvm::EquivalenceClasses<Operation *> connected;
  module->walk<WalkOrder::PreOrder>([&](KernelOp kernel) {
    if (!isOnDevice(kernel))
      return;
    kernels.push_back(kernel);
    connected.insert(kernel);
    for (Value input : kernel.getInputs())
      if (Operation *maker = getRoot(input).getDefiningOp(); isOnDevice(maker))
        connected.unionSets(kernel, maker);
  });
  llvm::MapVector<Operation *, Island> islands;
  for (KernelOp kernel : kernels) {
    Island &island = islands[connected.getLeaderValue(kernel)];
    island.kernels.push_back(kernel);
    auto choice = choices.find(kernel);
    if (choice == choices.end())
      island.canMove = false;
    else
      island.hostTime += choice->second.time;
    island.deviceTime += kLaunchTime;
    for (Value input : kernel.getInputs())
      addInput(island, getRoot(input));
    for (Value result : kernel.getResults())
      addReaders(island, result, result);
  }
  return llvm::to_vector(llvm::make_second_range(islands));
}

int64_t moveIslands(Operation *module, const ProviderList &providers,
                    const HostChoices &choices, TypicalSizes &sizes) {
  int64_t count = 0;
  for (Island &island : IslandFinder(providers, sizes).find(module, choices)) {
    if (!island.canMove || !island.hasNeighbour ||
        kMargin * island.hostTime > island.deviceTime)
      continue;
    for (KernelOp kernel : island.kernels) {
      StringRef name = choices.at(kernel).provider->getName();
      kernel.setProvider(name);
      remark::analysis(kernel.getLoc(),
                       remark::RemarkOpts::name("moved").category("assign"))
          << remark::metric("provider", name)
          << remark::metric("ns", int64_t(island.hostTime))
          << remark::metric("device_ns", int64_t(island.deviceTime))
          << remark::reason("{0}", "what is around it is on the processor");
      ++count;
    }
  }
  return count;
}

} // namespace tenon
