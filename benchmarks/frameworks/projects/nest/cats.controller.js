const { Controller, Get, Inject } = require('@nestjs/common');
const { CatsService } = require('./cats.service');

class CatsController {
  constructor(cats) {
    this.cats = cats;
  }

  findAll() {
    return this.cats.findAll();
  }
}
Inject(CatsService)(CatsController, undefined, 0);
Get()(CatsController.prototype, 'findAll', Object.getOwnPropertyDescriptor(CatsController.prototype, 'findAll'));
Controller('cats')(CatsController);
exports.CatsController = CatsController;
