#include "choroy_kernels.h"
