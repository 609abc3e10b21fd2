const { Module } = require('@nestjs/common');
const { CatsController } = require('./cats.controller');
const { CatsService } = require('./cats.service');

class AppModule {}
Module({ controllers: [CatsController], providers: [CatsService] })(AppModule);
exports.AppModule = AppModule;
