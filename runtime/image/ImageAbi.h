/*===- ImageAbi.h - Descriptors of the kernels that read images ------------===
 *
 * TenonLibraryKernel::descriptor of provider "image" is three words of int64_t,
 * written by the compiler and read by libtenon_image:
 *
 *   word 0       TENON_IMAGE_VERSION
 *   word 1       kind, a TenonImageKind
 *   word 2       of DECODE the channels, a TenonPixelFormat; else 0
 *
 * The args are the bytes of an image, uint8 [N], and the result. Plain C.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_RUNTIME_IMAGE_IMAGEABI_H
#define TENON_RUNTIME_IMAGE_IMAGEABI_H

#define TENON_IMAGE_VERSION 1
#define TENON_IMAGE_WORDS 3

/** The most pixels of an image: a larger one is an error before it is decoded.
 */
#define TENON_IMAGE_MAX_PIXELS (1 << 27)

typedef enum TenonImageKind {
  /** Height and width: int64 [2]. */
  TENON_IMAGE_SIZE = 1,
  /** The pixels: uint8 [height, width, channels]. */
  TENON_IMAGE_DECODE = 2
} TenonImageKind;

typedef enum TenonPixelFormat {
  TENON_IMAGE_RGB = 0,
  TENON_IMAGE_BGR = 1,
  TENON_IMAGE_GRAY = 2 /* one channel, the luminance of ITU-R BT.601 */
} TenonPixelFormat;

#endif /* TENON_RUNTIME_IMAGE_IMAGEABI_H */
