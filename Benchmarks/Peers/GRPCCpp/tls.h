// Mutual TLS for both ends: DIRECTORY/peer.pem, peer-key.pem and peer-ca.pem.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

struct Material {
  std::string certificate, key, authority;

  explicit Material(const std::string &directory)
      : certificate(read(directory + "/peer.pem")),
        key(read(directory + "/peer-key.pem")),
        authority(read(directory + "/peer-ca.pem")) {}

  static std::string read(const std::string &path) {
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (text.empty()) {
      std::fprintf(stderr, "cannot read %s\n", path.c_str());
      std::exit(1);
    }
    return text;
  }
};
