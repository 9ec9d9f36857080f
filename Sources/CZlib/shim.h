#ifndef CHOROY_CZLIB_H
#define CHOROY_CZLIB_H
#include <zlib.h>
#endif
