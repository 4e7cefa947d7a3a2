//===- WinogradPlan.h - How a convolution is made by Winograd's algorithm -===//

#ifndef TENON_CODEGEN_CPU_WINOGRADPLAN_H
#define TENON_CODEGEN_CPU_WINOGRADPLAN_H

#include "codegen/cpu/PackWeights.h"
#include "codegen/cpu/TileEmitter.h"
#include "codegen/cpu/WinogradTransform.h"

namespace tenon::cpu {

/// What is decided before any code is emitted.
struct WinogradPlan {
  WinogradPlan(ConvOp op, int64_t outputs, unsigned vectorBits);

  ConvOp op;
  WinogradTransform transform;
  /// Outputs and inputs of a tile in one direction, and places in a tile.
  int64_t outTile, inTile, numPlaces;
  int64_t inChannels, outChannels;
  /// Chunks of input channels, and the most channels of one.
  int64_t numChunks, chunkChannels;
  TileShape tile;
  int64_t panelsPerGroup, groupChannels;
  /// The most tiles of a unit; a multiple of the products' tile.
  int64_t blockTiles;
  /// Distances in the transformed inputs and in the products: from tile to tile
  /// and from place to place.
  int64_t inRow, inPlace, outRow, outPlace;

  Panels getPanels() const { return {outChannels, tile.getColumns()}; }
};

/// Whether a kernel is a convolution of 3 x 3 taps and stride 1, channels last,
/// with constant weights and enough channels, and its tail.
bool matchesWinograd(KernelOp kernel);

/// Transforms and packs weights in the order
/// `[place][panel][inChannel][column]`.
void packWinogradWeights(KernelOp kernel, const WinogradPlan &plan);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_WINOGRADPLAN_H
