#ifndef CHOROY_COPENBLAS_H
#define CHOROY_COPENBLAS_H
#include <cblas.h>
#endif
