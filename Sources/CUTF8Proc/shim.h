#ifndef CHOROY_CUTF8PROC_H
#define CHOROY_CUTF8PROC_H
#include <utf8proc.h>
#endif
