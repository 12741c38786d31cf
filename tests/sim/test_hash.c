#include "sim/hash.h"

#include <string.h>

#include <criterion/criterion.h>

static void text_of(const char *data, size_t size, size_t piece, char text[SIM_HASH_TEXT])
{
    SimHash hash;
    sim_hash_init(SIM_SHA256, &hash);
    for (size_t at = 0; at < size; at += piece)
        sim_hash_add(&hash, data + at, size - at < piece ? size - at : piece);
    sim_hash_text(&hash, text);
}

/* The examples of FIPS 180-4. */
Test(hash, published_examples)
{
    char text[SIM_HASH_TEXT];
    text_of("", 0, 1, text);
    cr_assert_str_eq(text,
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    text_of("abc", 3, 3, text);
    cr_assert_str_eq(text,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *const two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    text_of(two, strlen(two), 7, text);
    cr_assert_str_eq(text,
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(hash, pieces_do_not_matter)
{
    char data[300], whole[SIM_HASH_TEXT], parts[SIM_HASH_TEXT];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 37);
    for (size_t size = 0; size <= sizeof data; size += 13) {
        text_of(data, size, sizeof data, whole);
        text_of(data, size, 5, parts);
        cr_assert_str_eq(whole, parts);
    }
}
