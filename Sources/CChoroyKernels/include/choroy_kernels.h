#ifndef CHOROY_KERNELS_H
#define CHOROY_KERNELS_H
#include <stddef.h>
#include <stdint.h>
#endif
