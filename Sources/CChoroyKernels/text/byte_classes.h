// Which of 64 bytes are letters, digits, white space …: one bit each, the first byte the lowest.

typedef uint8_t NAMED(bytes) __attribute__((vector_size(64)));
typedef _Bool NAMED(flags) __attribute__((ext_vector_type(64)));

// A bit for each byte that a comparison found.
#define BITS(comparison)                                                                                     \
    ({                                                                                                       \
        NAMED(flags) flags = __builtin_convertvector((comparison), NAMED(flags));                            \
        uint64_t bits;                                                                                       \
        __builtin_memcpy(&bits, &flags, sizeof bits);                                                                  \
        bits;                                                                                                \
    })

static void NAMED(byte_classes)(const uint8_t *text, ChoroyByteClasses *classes)
{
    NAMED(bytes) byte;
    __builtin_memcpy(&byte, text, sizeof byte);
    NAMED(bytes) lower = byte | 0x20;
    // Unsigned differences wrap around, so one comparison is a range.
    classes->letters = BITS(lower - 'a' < 26);
    classes->capitals = BITS(byte - 'A' < 26);
    classes->numbers = BITS(byte - '0' < 10);
    classes->lines = BITS((byte == '\n') | (byte == '\r'));
    classes->blanks = BITS(byte == ' ');
    classes->spaces = BITS(byte - '\t' < 5) | classes->blanks;
    classes->apostrophes = BITS(byte == '\'');
    classes->slashes = BITS(byte == '/');
    classes->wide = BITS(byte > 0x7F);
}

#undef BITS
