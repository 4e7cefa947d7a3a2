/*===- ModelAbi.h - What a compiled model and the runtime agree on ----------===
 *
 * A compiled model is data and code behind one constant of type TenonModelDesc.
 * In a shared library it is the only exported symbol, TENON_MODEL_SYMBOL. The
 * compiler emits the structures below and reads their offsets from this header;
 * the runtime checks them when it loads a model.
 *
 * Plain C for 64-bit targets. Every member is eight bytes, or two of four bytes
 * stand together, so that there is no padding. Any change to a structure raises
 * TENON_ABI_VERSION.
 *
 * A model's code references no symbol of the runtime. It reaches the runtime
 * through the TenonRuntimeTable in the frame of a run. It has no constructors
 * and no writable data: one loaded model serves any number of sessions at once.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_RUNTIME_CORE_MODELABI_H
#define TENON_RUNTIME_CORE_MODELABI_H

#include <stdint.h>

#include "tenon/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** "TENONMDL" when the bytes are read in memory order on a little-endian
 * machine. */
#define TENON_MODEL_MAGIC UINT64_C(0x4c444d4e4f4e4554)
#define TENON_ABI_VERSION 10u
/** The exported symbol of a model that is a shared library. */
#define TENON_MODEL_SYMBOL "tenon_model"

/** Alignment in bytes of every planned buffer and of the weights. */
#define TENON_BUFFER_ALIGNMENT 64
#define TENON_MAX_RANK 32
/** How much memory there is to stand for what could not be allocated. */
#define TENON_SCRAP_SIZE 4096
/** How many threads of a device run in step. */
#define TENON_WARP_SIZE 32
/** The most arguments of a kernel of a device: words among the 4352 bytes of
 * parameters that PTX allows, but for the number of units and the place of the
 * status. */
#define TENON_MAX_PARAMETERS (4352 / 8 - 2)

/** In TenonTensorDesc::dims, -1 - k stands for symbol k. */
#define TENON_DIM_SYMBOL(k) (-1 - (int64_t)(k))
/** In TenonTensorDesc::dims of an output: neither a number nor a plain symbol;
 * plan() computes it, or, where it depends on data, the run. */
#define TENON_DIM_COMPUTED INT64_MIN

/*===----------------------------------------------------------------------===
 * Description
 *===----------------------------------------------------------------------===*/

/** Which part of an input or output a tensor is. A sequence or an optional has
 * several, which have one name and stand together in this order: */
enum TenonPart {
  TENON_PART_WHOLE = 0, /* of a tensor */
  TENON_PART_FLAG = 1,  /* of an optional, a bool: whether it holds anything */
  /* the elements of all tensors, one after another, in one dimension */
  TENON_PART_ELEMENTS = 2,
  /* i64; for each tensor a row: the index of its first element, the number of
   * its elements, its dimensions. Rows are filled up with -1. */
  TENON_PART_TABLE = 3
};
/** Columns of the table before the dimensions. */
#define TENON_TABLE_DIMS 2

/** An input or output, or a part of one. Elements are contiguous in row-major
 * order. */
typedef struct TenonTensorDesc {
  const char *name;    /* the ONNX name, UTF-8, unique among inputs (outputs)
                          but for the parts of one */
  int32_t dtype;       /* TenonDType */
  int32_t rank;        /* 0 .. TENON_MAX_RANK */
  const int64_t *dims; /* rank values: >= 0, TENON_DIM_SYMBOL(k), or
                          TENON_DIM_COMPUTED (outputs only); null if rank 0 */
  int32_t kind;        /* TenonKind of the whole */
  int32_t part;        /* TenonPart */
  /* Of a sequence or an optional: the dimensions of its tensors. */
  int32_t elementRank;        /* -1 if there may be several */
  int32_t reserved;           /* 0 */
  const int64_t *elementDims; /* elementRank values, -1 where there may be
                                 several; else null */
} TenonTensorDesc;

/** Which memory something is in. */
enum TenonSpace {
  TENON_SPACE_HOST = 0,
  TENON_SPACE_DEVICE = 1 /* of TenonModelDesc::device */
};

/** When a planned buffer is in use. Two buffers share memory only if their step
 * ranges, both ends included, don't overlap, and only in one space. Steps are
 * numbered by the compiler in the order of execution, 0 upwards; both regions
 * of a conditional lie within the conditional's range. */
typedef struct TenonBufferDesc {
  const char *name; /* for errors: the node names of what it holds */
  int32_t firstStep;
  int32_t lastStep;
  int32_t space;  /* TenonSpace */
  int32_t tensor; /* TENON_BUFFER_OF_INPUT or -OUTPUT, or 0 */
} TenonBufferDesc;

/** A buffer of the device that one transfer of run() copies an input to as a
 * whole, or from which one copies an output. Nothing but this transfer uses
 * that input or output, and nothing but it and kernels of the device uses the
 * buffer, none of which writes an input's, or an output's after the transfer.
 * So in TenonRunFrame both may be the same memory of the device: the caller's,
 * or that of an input's buffer if it is filled before the run. Such a buffer is
 * in use from step 0 on. */
#define TENON_BUFFER_OF_INPUT(i) (1 + (int32_t)(i))
#define TENON_BUFFER_OF_OUTPUT(i) (-1 - (int32_t)(i))

/** What a generated kernel returns. All but OK may tell the number that is
 * wrong and its limit, if they fit:
 * (number << TENON_KERNEL_NUMBER_SHIFT) + (limit << TENON_KERNEL_LIMIT_SHIFT) +
 * TENON_KERNEL_TELLS_NUMBER + status. */
enum TenonKernelStatus {
  TENON_KERNEL_OK = 0,
  /* An index is in [-limit, limit). */
  TENON_KERNEL_INDEX_OUT_OF_RANGE = 1,
  /* A size that the data give is in [0, limit]. */
  TENON_KERNEL_SIZE_OUT_OF_RANGE = 2,
  TENON_KERNEL_STATUS_MASK = 3,
  TENON_KERNEL_TELLS_NUMBER = 4,
  TENON_KERNEL_LIMIT_SHIFT = 3,
  TENON_KERNEL_LIMIT_BITS = 26,
  /* The number has a sign and the bits that are left. */
  TENON_KERNEL_NUMBER_SHIFT =
      TENON_KERNEL_LIMIT_SHIFT + TENON_KERNEL_LIMIT_BITS,
  TENON_KERNEL_NUMBER_BITS = 64 - TENON_KERNEL_NUMBER_SHIFT
};

/** A generated kernel. `fn` runs the units begin <= u < end; units are
 * independent of each other and may run in any order on any thread.
 *   args: one pointer for each tensor (inputs, then outputs), aligned to its
 *         element only, in a device's memory to TENON_BUFFER_ALIGNMENT;
 *   dims: the dynamic dimensions of all args in order, then the scalars.
 * Returns a TenonKernelStatus, perhaps with a number.
 *
 * A kernel of the device has no `fn`, but a `symbol` in each of the model's
 * images: a function of the pointers in `args`, of the values in `dims`, of the
 * number of units, all of them of 64 bits, and of a pointer to 64 bits in the
 * device's memory. It is started with any number of blocks of `blockSize`
 * threads, and does all units, of which there may be fewer than it is told; a
 * unit that goes wrong leaves its TenonKernelStatus behind the last pointer if
 * there is 0. `unitThreads` threads do a unit together: one, the
 * TENON_WARP_SIZE of a warp, or all of a block. Thread t of the grid begins
 * with unit t / unitThreads. */
typedef struct TenonKernel {
  int64_t (*fn)(void *const *args, const int64_t *dims, int64_t begin,
                int64_t end);
  const char *name; /* for errors and profiles: the node names it came from */
  const char *provider; /* for profiles: "codegen", "winograd", "cuda" */
  /* The number of inputs, that of outputs, then of each its element type
   * (TenonDType), its rank, and its dimensions, -1 if dynamic. */
  const int64_t *args;
  uint64_t argsSize;  /* in words */
  const char *symbol; /* null for a kernel of the host */
  uint32_t numArgs;   /* how many pointers there are in args */
  uint32_t numDims;   /* how many values there are in dims */
  /* These two are 0 for a kernel of the host. */
  uint32_t blockSize;
  uint32_t unitThreads;
  /* How a library of the device can run all of it; see runtime/cuda/
   * LibraryAbi.h. Null if there is no such library. */
  const int64_t *library;
  uint64_t librarySize; /* in words */
} TenonKernel;

/** A kernel that a library runs. See the provider's own header for the encoding
 * of the descriptor (runtime/cpu/OneDnnAbi.h, runtime/image/ImageAbi.h). */
typedef struct TenonLibraryKernel {
  const char *provider; /* "onednn", "image" */
  const char *name;     /* for errors and profiles, as above */
  uint32_t index;       /* its position in TenonModelDesc::libraryKernels */
  uint32_t numArgs;     /* tensors: inputs, then outputs */
  const int64_t *descriptor;
  uint64_t descriptorSize; /* in words */
  const int64_t
      *constants;      /* numArgs values: where in the weights an arg stands
                          that has the same contents in every run, so that
                          it can be packed once; -1 for the others */
  uint64_t numDims;    /* dimensions of all args together */
  const int64_t *args; /* for profiles, as of TenonKernel */
  uint64_t argsSize;   /* in words */
} TenonLibraryKernel;

/** The code of a model's device kernels, for one kind of device. */
typedef struct TenonDeviceImage {
  const char *architecture; /* "sm_90": machine code, for this one and later
                               minors of its major; "compute_90": text, which
                               the driver translates for all later ones too */
  const uint8_t *data;      /* a text ends with a 0 */
  uint64_t size;            /* in bytes, with the 0 */
} TenonDeviceImage;

/** TenonModelDesc::flags. */
enum TenonModelFlag {
  /* What run() asks of the runtime depends on the symbols and on the addresses
   * in its frame alone: it launches kernels of the device, and transfers with
   * `isStable`. It does nothing else, so that what it did can be done again
   * without it. Such a model has no kernels but the device's, no slots, and no
   * dimensions that depend on data. */
  TENON_MODEL_IS_REPLAYABLE = 1,
  TENON_MODEL_FLAGS = 1 /* all that there are */
};

/** A part of the weights that is copied to the device's memory. */
typedef struct TenonWeightRange {
  uint64_t offset;       /* in the weights */
  uint64_t deviceOffset; /* in the device's memory for weights */
  uint64_t size;         /* in bytes */
} TenonWeightRange;

struct TenonRunFrame;

/** The exported description. All pointers stay valid while the model is loaded;
 * a pointer to an array of no elements may be null. */
typedef struct TenonModelDesc {
  uint64_t magic;      /* TENON_MODEL_MAGIC */
  uint32_t abiVersion; /* TENON_ABI_VERSION */
  uint32_t structSize; /* sizeof(TenonModelDesc) */

  const char *name;
  const char *triple;      /* LLVM target triple: "x86_64-unknown-linux-gnu" */
  const char *cpuFeatures; /* features that the code uses, LLVM's names,
                              separated by commas, without signs:
                              "avx2,fma,avx512f"; checked at load */
  const char *producer;    /* "tenon 0.1.0" */

  uint32_t numInputs;
  uint32_t numOutputs;
  const TenonTensorDesc *inputs;
  const TenonTensorDesc *outputs;

  /* Symbols: the dynamic dimensions of the inputs. Each occurs in at least one
   * input's dims; the runtime takes its value from there. */
  uint32_t numSymbols;
  uint32_t numBuffers;
  const char *const *symbolNames;
  const TenonBufferDesc *buffers;

  uint32_t numKernels;
  uint32_t numLibraryKernels;
  const TenonKernel *kernels;
  const TenonLibraryKernel *libraryKernels;

  /* All constants, aligned to TENON_BUFFER_ALIGNMENT, in memory that is only
   * read. */
  const uint8_t *weights;
  uint64_t weightsSize;

  /* Blocks of memory for what has a size that depends on data; see
   * TenonRuntimeTable::allocate. */
  uint32_t numSlots;

  /* What its kernels run on beside the processor. */
  uint32_t numImages; /* 0 without a device */
  const char *device; /* "cuda"; null if there is none */
  const TenonDeviceImage *images;
  uint64_t flags; /* TenonModelFlag */
  /* What its kernels read of the weights, and the memory that this takes. */
  const TenonWeightRange *deviceRanges;
  uint64_t numDeviceRanges;
  uint64_t deviceWeightsSize;

  /* The same model with a device, which has nothing more behind it; null if
   * there is none, and in a model with a device. */
  const struct TenonModelDesc *onDevice;

  /** Sizes for these symbol values (numSymbols, each >= 0). A pure function.
   *   bufferBytes: numBuffers values; -1 where a dimension would be negative or
   *                the bytes are too many to count;
   *   outputDims:  the dims of all outputs, one after another; negative where
   *                the model has no meaning at these sizes, but
   *                TENON_DIM_COMPUTED where only the run can tell. An output
   *                with such a dimension has no memory in
   *                TenonRunFrame::outputs: the run asks for it;
   *   libraryDims: the dims of all args of all library kernels, one after
   *                another; all of a kernel are -1 if they are known only when
   *                it runs, or if it may not run. */
  void (*plan)(const int64_t *symbols, int64_t *bufferBytes,
               int64_t *outputDims, int64_t *libraryDims);

  /** Runs the model once and returns TENON_OK. The code ignores what functions
   * of the runtime table return: an error sticks to the session until the run
   * is over, and later calls of the table do nothing. */
  int32_t (*run)(const struct TenonRunFrame *frame);
} TenonModelDesc;

/*===----------------------------------------------------------------------===
 * Running
 *===----------------------------------------------------------------------===*/

/** What a model calls. Each returns zero or a TenonErrorCode.
 * They are called from the thread that runs run(), never from a kernel. */
typedef struct TenonRuntimeTable {
  /** Runs all units of a generated kernel, on this thread or on several.
   * `units` <= 0 is no work. The kernel is one of TenonModelDesc::kernels.
   * `flops` is how many arithmetic operations it does, for profiles; -1 if that
   * is not known. */
  int32_t (*launch)(void *session, const TenonKernel *kernel, void *const *args,
                    const int64_t *dims, int64_t units, int64_t flops);
  /** Runs a library kernel. `dims` holds all dimensions of all args, flat; the
   * ranks are in the descriptor. `flops` as above. */
  int32_t (*library)(void *session, const TenonLibraryKernel *kernel,
                     void *const *args, const int64_t *dims, int64_t flops);
  /** Records an error and returns `code` (a TenonErrorCode, not zero). `node`
   * may be null. The message says what was found and what was expected. */
  int32_t (*fail)(void *session, int32_t code, const char *node,
                  const char *message);
  /** Records that two sizes differ which have to be equal. `what` names them.
   */
  int32_t (*mismatch)(void *session, const char *node, const char *what,
                      int64_t first, int64_t second);
  /** Memory of block `slot` for a tensor of these dimensions, aligned to
   * TENON_BUFFER_ALIGNMENT. A session has one block for each slot, always in
   * the same TenonSpace `space`, which only grows: what it held is kept where
   * it is large enough, and, where it has to grow, only with `keep`. `node` is
   * for errors: a dimension is negative, the size overflows, there is not
   * enough memory. After an error this returns memory of TENON_SCRAP_SIZE bytes
   * that nobody reads. */
  void *(*allocate)(void *session, int32_t slot, int32_t space, int32_t keep,
                    const char *node, int64_t elementBytes, int32_t rank,
                    const int64_t *dims);
  /** The memory of output `index`, which has dimensions that depend on data and
   * is asked for once in a run. After an error as above. */
  void *(*output)(void *session, int32_t index, const char *node,
                  const int64_t *dims);
  /** Copies `count` elements, unless there was an error. */
  int32_t (*copy)(void *session, void *target, const void *source,
                  int64_t elementBytes, int64_t count);
  /** Not zero if there was an error: what ends the loops of a model. */
  int32_t (*status)(void *session);
  /** Copies `count` elements to the TenonSpace `space`, from the other one or
   * from there, unless there was an error. What comes to the host is there when
   * this returns; what leaves it may be written again. With `isStable` this is
   * so at the end of the run only: until then the host neither reads what comes
   * to it nor writes what leaves it. */
  int32_t (*transfer)(void *session, int32_t space, int32_t isStable,
                      void *target, const void *source, int64_t elementBytes,
                      int64_t count);
} TenonRuntimeTable;

/** The argument of run(). */
typedef struct TenonRunFrame {
  const TenonRuntimeTable *rt;
  void *session;        /* handed back to the functions of the table */
  void *const *inputs;  /* numInputs pointers, the caller's buffers; read only,
                           aligned to the element only */
  void *const *outputs; /* numOutputs pointers, the caller's buffers; none
                           overlaps an input or another output; null where a
                           dimension depends on data */
  const int64_t *symbols;       /* numSymbols values, as in plan() */
  void *const *buffers;         /* numBuffers pointers, aligned to
                                   TENON_BUFFER_ALIGNMENT, contents undefined;
                                   those of a device are its own addresses */
  const uint8_t *weights;       /* TenonModelDesc::weights */
  const int64_t *outputDims;    /* as plan() wrote them for these symbols */
  const uint8_t *deviceWeights; /* the device's memory for weights; null
                                   without a device */
} TenonRunFrame;

#ifdef __cplusplus
} // extern "C"
#endif

#endif /* TENON_RUNTIME_CORE_MODELABI_H */
