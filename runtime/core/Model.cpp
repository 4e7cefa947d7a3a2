//===- Model.cpp - A loaded model ----------------------------------------===//

#include "runtime/core/Model.h"

#include <algorithm>
#include <cstring>

using namespace tenon::runtime;

TenonModel::TenonModel(const TenonModelDesc *desc, void (*release)(void *),
                       void *context)
    : desc(desc), release(release), context(context) {}

TenonModel::~TenonModel() {
  for (const Library &library : libraries)
    library.provider->destroyModel(library.model);
  if (device.model)
    device.library->destroyModel(device.model);
  if (release)
    release(context);
}

void TenonModel::drop() {
  if (references.fetch_sub(1, std::memory_order_acq_rel) == 1)
    delete this;
}

Error TenonModel::create(const TenonModelDesc *desc,
                         const TenonModelOptions &options,
                         void (*release)(void *), void *context,
                         TenonModel **model) {
  // Owns `release` from here on, also when something is wrong.
  struct Owner {
    TenonModel *model;
    ~Owner() {
      if (model)
        model->drop();
    }
  } owner{new TenonModel(desc, release, context)};

  if (Error error = checkModel(*desc))
    return error;
  if (Error error = chooseModel(*desc, options.device, owner.model->choice))
    return error;
  owner.model->desc = desc = owner.model->choice.model;
  for (uint32_t i = 0; i < desc->numKernels; ++i) {
    const TenonKernel &kernel = desc->kernels[i];
    owner.model->kernels.push_back(
        {kernel.name, kernel.provider, kernel.symbol != nullptr});
  }
  for (uint32_t i = 0; i < desc->numLibraryKernels; ++i) {
    const TenonLibraryKernel &kernel = desc->libraryKernels[i];
    owner.model->kernels.push_back(
        {kernel.name, kernel.provider, /*on_device=*/0});
  }
  owner.model->describe(desc->inputs, desc->numInputs, owner.model->inputs);
  owner.model->describe(desc->outputs, desc->numOutputs, owner.model->outputs);
  TenonModel &made = *owner.model;
  made.describeValues(desc->inputs, made.inputs, made.inputValues,
                      made.inputParts);
  made.describeValues(desc->outputs, made.outputs, made.outputValues,
                      made.outputParts);
  made.hasTensorInputs = made.inputValues.size() == made.inputs.size();
  made.hasTensorOutputs = made.outputValues.size() == made.outputs.size();
  for (uint32_t i = 0; i < desc->numOutputs; ++i) {
    owner.model->outputDimOffsets.push_back(owner.model->numOutputDims);
    owner.model->numOutputDims += desc->outputs[i].rank;
  }
  if (Error error = owner.model->loadLibraries())
    return error;
  *model = owner.model;
  owner.model = nullptr;
  return nullptr;
}

void TenonModel::describe(const TenonTensorDesc *descs, uint32_t count,
                          std::vector<TenonTensorInfo> &infos) {
  for (uint32_t i = 0; i < count; ++i) {
    const TenonTensorDesc &tensor = descs[i];
    std::vector<int64_t> sizes;
    std::vector<const char *> names;
    for (int32_t axis = 0; axis < tensor.rank; ++axis) {
      int64_t dim = tensor.dims[axis];
      bool isSymbol = dim < 0 && dim != TENON_DIM_COMPUTED;
      sizes.push_back(dim < 0 ? -1 : dim);
      names.push_back(isSymbol ? desc->symbolNames[-1 - dim] : "");
    }
    dims.push_back(std::move(sizes));
    dimNames.push_back(std::move(names));
    infos.push_back({tensor.name, static_cast<TenonDType>(tensor.dtype),
                     tensor.rank, dims.back().data(), dimNames.back().data(),
                     TENON_TENSOR});
  }
}

/// Makes one value of the parts of each input or output.
void TenonModel::describeValues(const TenonTensorDesc *descs,
                                const std::vector<TenonTensorInfo> &parts,
                                std::vector<TenonTensorInfo> &values,
                                std::vector<uint32_t> &firstParts) {
  uint32_t first = 0;
  for (uint32_t i = 0; i < parts.size(); ++i) {
    if (descs[i].part != TENON_PART_WHOLE && descs[i].part != TENON_PART_TABLE)
      continue;
    firstParts.push_back(first);
    first = i + 1;
    if (descs[i].part == TENON_PART_WHOLE) {
      values.push_back(parts[i]);
      continue;
    }
    int32_t rank = descs[i].elementRank;
    dims.emplace_back(descs[i].elementDims,
                      descs[i].elementDims + std::max(rank, 0));
    dimNames.emplace_back(std::max(rank, 0), "");
    values.push_back({descs[i].name, parts[i - 1].dtype, rank,
                      dims.back().data(), dimNames.back().data(),
                      static_cast<TenonKind>(descs[i].kind)});
  }
  firstParts.push_back(first);
}

Error TenonModel::loadLibraries() {
  for (uint32_t i = 0; i < desc->numLibraryKernels; ++i) {
    const char *name = desc->libraryKernels[i].provider;
    uint32_t position = 0;
    while (position < libraries.size() &&
           strcmp(libraries[position].provider->name, name) != 0)
      ++position;
    if (position == libraries.size()) {
      Library library{};
      if (Error error = loadProvider(name, &library.provider))
        return error;
      TenonProviderError problem{};
      if (int32_t code =
              library.provider->createModel(desc, &library.model, &problem))
        return makeError(code, problem);
      libraries.push_back(library);
    }
    kernelLibraries.push_back(position);
  }
  return nullptr;
}
