#include "bundle/npz.h"

#include <zip.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bundle/npy.h"
#include "bundle/python_repr.h"

namespace lmdm::bundles {

namespace {

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using Member = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error(why);
}

/// Exactly `size` bytes.
void read_exactly(zip_file_t* member, char* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const zip_int64_t read = zip_fread(member, to + done, size - done);
    if (read < 0) fail(zip_file_strerror(member));
    if (read == 0) fail("it ends too soon");
    done += static_cast<std::size_t>(read);
  }
}

/// The size that the archive states, where the bytes that it keeps can hold as much: memory is never asked for on a header's word alone.
std::size_t stated_size(const zip_stat_t& stat) {
  // Deflate makes at most 1,032 bytes of one.
  constexpr zip_uint64_t most_expansion = 1032;
  constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_NAME | ZIP_STAT_COMP_METHOD;
  if ((stat.valid & needed) != needed) fail("a member without a size");
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) fail("a member in an unknown compression");
  const zip_uint64_t most = stat.comp_method == ZIP_CM_STORE ? stat.comp_size : stat.comp_size * most_expansion;
  if (stat.size > most) fail("a member that claims more than it holds");
  return stat.size;
}

Array read_member(zip_t* archive, zip_uint64_t index, std::size_t size) {
  const Member member(zip_fopen_index(archive, index, 0), zip_fclose);
  if (!member) fail(zip_strerror(archive));
  std::string start(std::min(size, longest_npy_header), '\0');
  read_exactly(member.get(), start.data(), start.size());
  const NpyHeader header = read_npy_header(start, size);
  Array array{header.type, header.shape, std::vector<std::byte>(header.size())};
  const std::size_t known = start.size() - header.offset;
  if (known > 0) std::memcpy(array.data.data(), start.data() + header.offset, known);
  read_exactly(member.get(), reinterpret_cast<char*>(array.data.data()) + known, array.data.size() - known);
  // The checksum is compared when the end is read.
  char beyond = 0;
  if (zip_fread(member.get(), &beyond, 1) != 0) fail("its checksum or its size is wrong");
  array.data = elements_of(header, std::move(array.data));
  return array;
}

}  // namespace

std::map<std::string, Array> read_npz(const std::filesystem::path& file) {
  int code = 0;
  const Archive archive(zip_open(file.string().c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code), zip_discard);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    fail(why);
  }
  std::map<std::string, Array> arrays;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    zip_stat_t stat;
    if (zip_stat_index(archive.get(), index, 0, &stat) != 0) fail(zip_strerror(archive.get()));
    const std::size_t size = stated_size(stat);
    std::string name = stat.name;
    if (!name.ends_with(".npy")) fail("the member " + in_quotes(name) + " is no array");
    name.resize(name.size() - 4);
    if (arrays.contains(name)) fail("two arrays " + in_quotes(name));
    try {
      arrays[name] = read_member(archive.get(), index, size);
    } catch (const std::runtime_error& error) {
      fail("array " + in_quotes(name) + ": " + error.what());
    }
  }
  return arrays;
}

}  // namespace lmdm::bundles
