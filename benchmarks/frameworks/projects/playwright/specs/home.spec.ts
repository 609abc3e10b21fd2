import { expect, test } from '@playwright/test';
import { HomePage } from '../pages/home';

test.describe('home', () => {
  test('has a title', async ({ page }) => {
    await new HomePage(page).open();
    await expect(page).toHaveTitle(/Home/);
  });
  test('has a link', async ({ page }) => {
    await new HomePage(page).open();
    await expect(page.getByRole('link')).toBeVisible();
  });
});
