const { Injectable } = require('@nestjs/common');

class CatsService {
  findAll() {
    return [{ name: 'Tom' }, { name: 'Garfield' }];
  }
}
Injectable()(CatsService);
exports.CatsService = CatsService;
