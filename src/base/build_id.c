/* SPDX-License-Identifier: MIT */
#include "base/build_id.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NOTES_MAX = 4096, HEADERS_MAX = 64 };

static size_t padded(size_t size)
{
        return (size + 3) / 4 * 4;
}

/* Notes are a header, a name and a description each, the latter two padded to four bytes (elf(5)). */
static bool notes_search(const uint8_t *notes, size_t size, char text[static BUILD_ID_TEXT_MAX])
{
        ElfW(Nhdr) note;

        for (size_t at = 0; at + sizeof note <= size;) {
                memcpy(&note, notes + at, sizeof note);
                if (note.n_namesz > NOTES_MAX || note.n_descsz > NOTES_MAX)
                        return false;
                size_t name = at + sizeof note, id = name + padded(note.n_namesz);
                at = id + padded(note.n_descsz);
                if (at > size)
                        return false;
                if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof ELF_NOTE_GNU ||
                    memcmp(notes + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) != 0)
                        continue;
                for (size_t i = 0; i < note.n_descsz && 2 * i + 2 < BUILD_ID_TEXT_MAX; i++)
                        (void)snprintf(text + 2 * i, 3, "%02x", notes[id + i]);
                return true;
        }
        return false;
}

static bool read_at(FILE *file, uint64_t offset, void *to, size_t size)
{
        return offset <= INT64_MAX && fseeko(file, (off_t)offset, SEEK_SET) == 0 &&
               fread(to, 1, size, file) == size;
}

void build_id_read(const char *path, char text[static BUILD_ID_TEXT_MAX])
{
        FILE *file = fopen(path, "re");
        ElfW(Ehdr) elf;
        ElfW(Phdr) part;
        uint8_t notes[NOTES_MAX];
        bool found = false;

        *text = '\0';
        if (!file)
                return;
        if (read_at(file, 0, &elf, sizeof elf) && memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0 &&
            elf.e_phentsize == sizeof part)
                for (unsigned i = 0; i < elf.e_phnum && i < HEADERS_MAX && !found; i++)
                        if (read_at(file, elf.e_phoff + i * sizeof part, &part, sizeof part) &&
                            part.p_type == PT_NOTE && part.p_filesz <= sizeof notes &&
                            read_at(file, part.p_offset, notes, part.p_filesz))
                                found = notes_search(notes, part.p_filesz, text);
        (void)fclose(file); /* opened for reading */
}
